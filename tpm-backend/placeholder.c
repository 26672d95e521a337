/* removed with the first source of this room */ extern int bulla_placeholder_tpm; int bulla_placeholder_tpm;
