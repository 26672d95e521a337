/* removed with the first source of this room */ extern int bulla_placeholder_inference; int bulla_placeholder_inference;
