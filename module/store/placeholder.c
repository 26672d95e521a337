/* removed with the first source of this room */ extern int bulla_placeholder_store; int bulla_placeholder_store;
