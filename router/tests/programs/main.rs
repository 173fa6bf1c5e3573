//! The program of the router: how it starts and ends.

mod binary;
mod http;
mod log;
mod settings;
