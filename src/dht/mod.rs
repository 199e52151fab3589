//! Records of the distributed hash table: who signed what for how long, and how much one author or
//! one place may store here.
