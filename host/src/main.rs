//! The binary: reads the command line, runs the verb, prints what went wrong.

use std::process::ExitCode;

use clap::Parser as _;
use guesthouse::cli::CommandLine;

fn main() -> ExitCode {
    match CommandLine::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("guesthouse: {error:#}");
            ExitCode::FAILURE
        }
    }
}
