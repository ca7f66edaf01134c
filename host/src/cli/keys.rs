//! `guesthouse keys`: API keys and password hashes.
//!
//! Owns what a person types and reads. The form of keys and their file is `auth`'s.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};

use crate::auth::{api_key, basic};

/// `guesthouse keys …`
#[derive(Debug, Args)]
pub struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a key and print it. It is shown this once: only its hash is kept.
    ///
    /// A running host takes it within a second. Callers send it as `X-API-Key: gh_…` or `Authorization: ApiKey gh_…`.
    Add {
        /// Whose key it is. Plugins see it as the caller's name.
        name: String,
        /// What its bearer may do; may be given several times.
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<String>,
        /// Days until it is refused. Without it the key holds until it is revoked.
        #[arg(long, value_name = "DAYS")]
        expires_in: Option<u32>,
        #[command(flatten)]
        state: State,
    },
    /// Show all keys: id, name, scopes, age. Never the keys themselves.
    List {
        #[command(flatten)]
        state: State,
    },
    /// Take a key away. A running host refuses it within a second.
    Revoke {
        /// The id that `guesthouse keys list` shows.
        id: String,
        #[command(flatten)]
        state: State,
    },
    /// Read a password and print the hash that a file of Basic users holds.
    ///
    /// The file is named in guesthouse.toml as `[basic] users = "FILE"` and has one `name:hash:scopes` per line.
    HashPassword,
}

#[derive(Debug, Args)]
struct State {
    /// The plugin folder whose host the keys are for.
    #[arg(value_name = "DIR", default_value = "plugins")]
    folder: PathBuf,
    /// Where the host keeps its state, if not in `.guesthouse` in that folder.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

impl State {
    fn file(&self) -> Result<PathBuf> {
        if self.state.is_none() && !self.folder.is_dir() {
            bail!(
                "`{}` is not a folder: name the plugin folder that is served, or its state with --state",
                self.folder.display()
            );
        }
        Ok(self.state.clone().unwrap_or_else(|| self.folder.join(super::STATE)).join(api_key::FILE))
    }
}

/// Does what was asked for.
///
/// # Errors
/// In words for the person who asked.
pub fn run(options: Options) -> Result<()> {
    match options.action {
        Action::Add { name, scopes, expires_in, state } => {
            let expires_in_s = expires_in.map(|days| u64::from(days).saturating_mul(86_400));
            let key = api_key::add(&state.file()?, &name, &scopes, expires_in_s)?;
            if std::io::stdout().is_terminal() {
                eprintln!("Keep it now, it is not shown again:");
            }
            println!("{key}");
        }
        Action::List { state } => list(&api_key::list(&state.file()?)?),
        Action::Revoke { id, state } => {
            let key = api_key::revoke(&state.file()?, &id)?;
            println!("revoked {} of {}", key.id, key.name);
        }
        Action::HashPassword => {
            if std::io::stdin().is_terminal() {
                eprint!("Password (it will be seen as you type): ");
                std::io::stderr().flush().context("the terminal cannot be written to")?;
            }
            let mut password = String::new();
            std::io::stdin().lock().read_line(&mut password).context("no password can be read")?;
            let password = password.trim_end_matches(['\r', '\n']);
            if password.is_empty() {
                bail!("the password is empty");
            }
            println!("{}", basic::hash(password)?);
        }
    }
    Ok(())
}

fn list(keys: &[api_key::Key]) {
    if keys.is_empty() {
        eprintln!("There are no keys. `guesthouse keys add NAME` makes one.");
        return;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    for key in keys {
        let age_days = now.saturating_sub(Duration::from_secs(key.created)).as_secs() / 86_400;
        let end = match key.expires {
            None => "never expires".to_owned(),
            Some(expires) if expires <= now.as_secs() => "expired".to_owned(),
            Some(expires) => format!("expires in {} days", (expires - now.as_secs()) / 86_400),
        };
        println!("{}  {}  [{}]  {age_days} days old, {end}", key.id, key.name, key.scopes.join(" "));
    }
}
