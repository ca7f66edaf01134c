//! The binary: reads the command line, runs the verb, prints what went wrong.

use std::process::ExitCode;

use clap::Parser as _;
use guesthouse::cli::CommandLine;
use guesthouse::plugin::compile;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // The compiling child is this program, too. Its verb is not one for people, and it must not depend on anything else.
    if std::env::args_os().nth(1).is_some_and(|verb| verb == compile::VERB) {
        return compile::child_main();
    }
    match CommandLine::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("guesthouse: {error:#}");
            ExitCode::FAILURE
        }
    }
}
