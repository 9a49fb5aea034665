//! Resolves a Blueprint to a Lock, plans steps with content keys and runs them.
