"""Files that take the place of modules which are gone: the small part of each that the old stack uses."""
