//! The binary: reads the command line, runs the verb, prints what went wrong.

use std::process::ExitCode;

use clap::Parser as _;
use guesthouse::cli::CommandLine;
use guesthouse::plugin::compile;

fn main() -> ExitCode {
    // Not one of the command line's own verbs, because nobody but the host itself is to use it.
    if std::env::args_os().nth(1).is_some_and(|verb| verb == compile::VERB) {
        return compile::child_main();
    }
    match CommandLine::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("guesthouse: {error:#}");
            ExitCode::FAILURE
        }
    }
}
