//! `guesthouse call`: one function of a typed service, called without a server.
//!
//! Owns what a person types and reads, and the exit codes. What a value is as JSON is `typed`'s.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;

use super::offline::Offline;
use super::serve::start_log;
use crate::capability::{CallContext, RequestId};
use crate::typed::local::{Local, Said, Unanswered};
use crate::typed::model::Function;

/// `guesthouse call …`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  guesthouse call orders.wasm list-orders
  guesthouse call orders.wasm get-order --json '[\"1\"]' --state state
  guesthouse call orders.wasm payOrder --json '{\"id\": \"1\", \"payment\": \"cash\"}' --state state
  guesthouse call orders.wasm create-order --json - < draft.json

The limits of the sandbox hold, and what the manifest beside FILE grants. Values are as wit/MAPPING.md says.

Exit codes: 0, the result is on standard output; 1, the function returned its error, which is on standard error as JSON; \
2, there is no such call (the file, the function or an argument); 3, the plugin trapped or used more than it may.")]
pub struct Options {
    /// The component.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The function: `get-order` or `getOrder`, with its interface before it where that is not enough: `orders.get-order`.
    #[arg(value_name = "FUNCTION")]
    function: String,
    /// The arguments: a list by place, or an object by name; `-` reads them from standard input.
    #[arg(long, value_name = "JSON", default_value = "[]")]
    json: String,
    /// Where the plugin's stores are kept from call to call. Without it they are empty, and gone afterwards.
    ///
    /// A host that is running holds its own state folder, so that this must be another.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

/// There is no such call.
const NO_CALL: u8 = 2;
/// The plugin failed.
const FAILED: u8 = 3;

/// Calls, and prints what came of it.
///
/// # Errors
/// None: what is wrong is printed and is in the exit code, because 1 is the function's own error.
pub fn run(options: &Options) -> Result<ExitCode> {
    start_log("info");
    match call(options) {
        Ok(Ok(Said::Done(text))) => {
            println!("{text}");
            Ok(ExitCode::SUCCESS)
        }
        Ok(Ok(Said::Refused(text))) => {
            eprintln!("{text}");
            Ok(ExitCode::FAILURE)
        }
        Ok(Err(error)) => {
            eprintln!("guesthouse: {error}");
            Ok(ExitCode::from(match error {
                Unanswered::Syntax(_) | Unanswered::Invalid(_) => NO_CALL,
                Unanswered::Failed(_) | Unanswered::Unwritable(_) => FAILED,
            }))
        }
        Err(error) => {
            eprintln!("guesthouse: {error:#}");
            Ok(ExitCode::from(NO_CALL))
        }
    }
}

fn call(options: &Options) -> Result<Result<Said, Unanswered>> {
    let offline = Offline::open(&options.file, options.state.as_deref())?;
    let plugin = match &offline.examined.plugin {
        Ok(plugin) => plugin,
        Err(error) => bail!("{error:#}"),
    };
    let Some(service) = Local::of(plugin) else {
        let styles: Vec<&str> = plugin.endpoints.iter().map(|endpoint| endpoint.style()).collect();
        bail!(
            "{} has no functions of its own: it is served as {}, by requests; `guesthouse serve` takes these",
            options.file.display(),
            styles.join(", ")
        );
    };
    let place = choose(&service, &options.function)?;
    let arguments = arguments(&options.json, service.arguments_bytes_max())?;
    let context = CallContext {
        identity: None,
        request_id: RequestId(1),
        mount: Arc::clone(&plugin.mount),
        started: Instant::now(),
    };
    let answer = offline.runtime.block_on(service.call(place, &arguments, &context));
    answer.context("the function is not there any more")
}

/// The one function that a name means.
fn choose(service: &Local, name: &str) -> Result<usize> {
    let functions = &service.service().functions;
    let shown = |function: &Function| {
        let id = function.interface.and_then(|place| service.service().interfaces.get(place));
        let before = id.map_or_else(String::new, |interface| format!("{}#", interface.id));
        format!("  {before}{}", service.signature(function))
    };
    match service.find(name).as_slice() {
        [place] => Ok(*place),
        [] => {
            let omitted = service.service().omitted.iter().find(|omitted| {
                omitted.function == name
                    || omitted.function.rsplit('#').next().is_some_and(|last| last == name)
            });
            if let Some(omitted) = omitted {
                bail!("`{}` cannot be called: {}", omitted.function, omitted.reason);
            }
            let all: Vec<String> = functions.iter().map(shown).collect();
            Err(anyhow!("there is no function `{}`; there are\n{}", name.escape_debug(), all.join("\n")))
        }
        several => {
            let several = several.iter().filter_map(|place| functions.get(*place));
            let names: Vec<String> = several.map(|function| format!("  {}", function.name)).collect();
            Err(anyhow!("`{}` is the name of several functions; say which\n{}", name, names.join("\n")))
        }
    }
}

fn arguments(text: &str, bytes_max: u64) -> Result<String> {
    let mut read = Vec::new();
    if text == "-" {
        let mut input = std::io::stdin().lock().take(bytes_max.saturating_add(1));
        input.read_to_end(&mut read).context("standard input cannot be read")?;
    } else {
        read.extend_from_slice(text.as_bytes());
    }
    if read.len() as u64 > bytes_max {
        bail!("the arguments are longer than {bytes_max} bytes (body_bytes_max)");
    }
    String::from_utf8(read)
        .map_err(|error| anyhow!("the arguments are not UTF-8 at byte {}", error.utf8_error().valid_up_to()))
}
