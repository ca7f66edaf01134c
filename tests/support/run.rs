//! Programs that other people wrote, run to their end.

use std::ffi::OsStr;
use std::io::{Read, Write as _};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{from_environment, repository, wait};

/// What a program left behind.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    /// What it printed, if it ended well; else the test is lost.
    #[track_caller]
    pub(crate) fn success(self) -> String {
        assert!(
            self.status.success(),
            "{}\n--- stdout\n{}\n--- stderr\n{}",
            self.status,
            self.stdout,
            self.stderr
        );
        self.stdout
    }
}

/// Runs a command to its end with this input. One that does not end is killed, and the test is lost.
#[track_caller]
pub(crate) fn run(command: &mut Command, input: &[u8]) -> Output {
    finish(command, input, wait::DEADLINE)
        .unwrap_or_else(|output| panic!("{command:?} did not end: {output:?}"))
}

/// Runs a command that need not end: after this time it is killed, and what it printed is the error.
pub(crate) fn finish(command: &mut Command, input: &[u8], time: Duration) -> Result<Output, Output> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
    let stdout = collect(child.stdout.take().expect("piped"));
    let stderr = collect(child.stderr.take().expect("piped"));
    // A program that does not read its input is no error of the test's.
    let _ = child.stdin.take().expect("piped").write_all(input);
    let ended = wait::until_within(time, || child.try_wait().expect("a child can be waited for"));
    let status = ended.unwrap_or_else(|| {
        child.kill().expect("a child can be killed");
        child.wait().expect("a child can be waited for")
    });
    let text = |reader: JoinHandle<Vec<u8>>| {
        String::from_utf8(reader.join().expect("a reader does not panic")).expect("programs print UTF-8")
    };
    let output = Output { status, stdout: text(stdout), stderr: text(stderr) };
    if ended.is_some() { Ok(output) } else { Err(output) }
}

/// Runs a command that goes on for ever, with this input and its standard input left open, until it has printed this text.
#[track_caller]
pub(crate) fn command_until(command: &mut Command, input: &[u8], text: &str) -> String {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(input).expect("it reads what is typed");
    let mut stdout = child.stdout.take().expect("piped");
    let printed = Arc::new(Mutex::new(Vec::new()));
    let reader = std::thread::spawn({
        let printed = Arc::clone(&printed);
        move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = stdout.read(&mut buffer) {
                printed.lock().expect("no reader panics").extend_from_slice(&buffer[..count]);
            }
        }
    });
    let so_far = || String::from_utf8(printed.lock().expect("no reader panics").clone()).unwrap_or_default();
    let found = wait::until_within(wait::DEADLINE, || {
        let ended = child.try_wait().expect("a child can be waited for").is_some();
        let found = so_far().contains(text);
        (found || ended).then_some(found)
    });
    child.kill().expect("a child can be killed");
    child.wait().expect("a child can be waited for");
    drop(stdin);
    reader.join().expect("a reader does not panic");
    assert!(found == Some(true), "{command:?} never printed {text:?}, but:\n{}", so_far());
    so_far()
}

/// Reads to the end, beside the test, so that no program waits for its output to be read.
fn collect(mut stream: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("a pipe can be read");
        bytes
    })
}

/// The interpreter that has the clients of `tests/requirements.txt`.
pub(crate) fn python_command() -> Command {
    let mut command = Command::new(from_environment("GUESTHOUSE_TEST_PYTHON"));
    // Isolated from the user's own packages and settings, but not from the folder of the script.
    command.args(["-s", "-B", "-X", "utf8"]);
    command
}

/// Runs a script of `tests/clients/` and gives what it printed. The script checks by itself: it ends with an error when
/// something is not as it should be.
#[track_caller]
pub(crate) fn python(script: &str, arguments: &[impl AsRef<OsStr>]) -> String {
    let path = repository().join("tests/clients").join(script);
    assert!(Path::new(&path).is_file(), "{} is not there", path.display());
    run(python_command().arg(path).args(arguments), b"").success()
}
