/* removed with the first source of this room */ extern int bulla_placeholder_release; int bulla_placeholder_release;
