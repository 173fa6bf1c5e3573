//! The program of the operator: how it starts and ends.

mod http;
mod log;
mod settings;
