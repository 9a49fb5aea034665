//! Package families: version order, index, archive and signature, read into the solver's model or into a tree.

pub mod ar;
pub mod compress;
pub mod deb;
pub mod tar;
