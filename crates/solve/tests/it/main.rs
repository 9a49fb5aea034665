//! Integration tests of the solver.

mod brute_force;
mod scenarios;
mod world;
