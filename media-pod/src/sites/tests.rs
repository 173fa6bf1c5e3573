//! The sites of a room in a simulation: each runs its operations in order, outcomes come in any order between sites, operations fail, and
//! sites are lost at any moment.

mod cases;
mod invariants;
mod world;
