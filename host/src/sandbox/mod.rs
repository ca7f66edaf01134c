//! The only place where guest code runs.
//!
//! Owns the engine, the store of a call, its budget, and the threads guests run on. Refuses to know HTTP, styles and files: it
//! is handed values and gives values or a [`CallFailure`]. Would a reviewer find a way round the budget? Every guest entry
//! (instantiation, call, post-return) happens in [`program`], and nowhere else in the crate is a store made.

pub mod budget;
mod clock;
mod course;
pub mod engine;
mod in_place;
mod lane;
pub mod program;
mod weight;

pub use budget::CallFailure;
pub use course::{Course, Fate};
pub use engine::Sandbox;
pub use in_place::Parameters;
pub use program::{Export, Guest, Program, ValuesExport};
