//! What the documents tell a person to type, typed: every block of shell or Python that calls a running host is run against
//! one, so that the documents stay true.

use std::process::Command;

use crate::support::run::{command_until, python_command};
use crate::support::{Host, repository, run};

/// Where the documents say that the host listens.
const ADDRESS: &str = "127.0.0.1:8080";

/// The fenced blocks of a document in these languages: language and text.
fn blocks(document: &str) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(repository().join(document)).expect("a document can be read");
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push((language.to_owned(), block.join("\n")));
        }
    }
    blocks
}

/// Runs all blocks of a document that call a host, in order, and gives what each of them printed.
#[track_caller]
fn read_aloud(document: &str, host: &Host) -> Vec<String> {
    let starts_one = |text: &str| text.contains("guesthouse serve") || text.contains("make run");
    let calls = |text: &str| text.contains(ADDRESS) && !starts_one(text);
    let mut printed = Vec::new();
    for (language, text) in blocks(document).into_iter().filter(|(_, text)| calls(text)) {
        let text = text.replace(ADDRESS, &host.address().to_string());
        println!("--- {document}, {language}\n{text}");
        let output = match language.as_str() {
            "sh" if text.contains("websocat ") => type_into_terminal(&text),
            "sh" => run(Command::new("bash").args(["-euo", "pipefail", "-c", &text]), b"").success(),
            // These listen until they are interrupted.
            "python" if text.contains("async for") => {
                command_until(python_command().args(["-u", "-c", &text]), b"", "hello")
            }
            "python" => run(python_command().args(["-c", &text]), b"").success(),
            // For readers with PHP, Node.js or a browser at hand.
            "php" | "js" => continue,
            other => panic!("{document} has a block of `{other}` that calls the host, and no test runs it"),
        };
        println!("{output}");
        printed.push(output);
    }
    printed
}

/// A command line on the first lines, and below it what a person types into the running program.
#[track_caller]
fn type_into_terminal(text: &str) -> String {
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let words: Vec<&str> = lines.next().expect("a command").split(' ').collect();
    let input: String = lines.map(|line| format!("{line}\n")).collect();
    let program = python_command().get_program().to_owned();
    let beside = std::path::Path::new(&program).with_file_name(words[0]);
    command_until(Command::new(beside).args(&words[1..]), input.as_bytes(), "hello")
}

#[track_caller]
fn assert_in_order(printed: &[String], expected: &[&str]) {
    let all = printed.concat();
    let mut rest = all.as_str();
    for text in expected {
        let found = rest.find(text).unwrap_or_else(|| panic!("{text:?} is missing in what is left:\n{rest}"));
        rest = &rest[found + text.len()..];
    }
}

#[test]
fn the_calls_of_the_readme_work_as_they_are_printed() {
    let host = Host::with(&["todo", "users", "bank", "chat"]);
    let printed = read_aloud("README.md", &host);
    assert_eq!(printed.len(), 4, "curl, xmlrpc.client, zeep and websockets");
    assert_in_order(
        &printed,
        &["HTTP/1.1 201", "water the plants", "HTTP/1.1 200", "\"items\"", "\"result\":1"],
    );
    assert_in_order(
        &printed,
        &["system.listMethods", "ada@example.org", "30.25", "less than 1000", "welcome", "hello"],
    );
}

#[test]
fn the_calls_in_the_readme_of_todo_work_as_they_are_printed() {
    let host = Host::with(&["todo"]);
    let printed = read_aloud("plugins/todo/README.md", &host);
    assert_in_order(&printed, &["HTTP/1.1 201", "etag: \"1\"", "Buy milk", "\"next\":null", "HTTP/1.1 200"]);
    assert_in_order(
        &printed,
        &["Buy oat milk", "\"done\":true", "HTTP/1.1 304", "HTTP/1.1 412", "HTTP/1.1 204"],
    );
}

#[test]
fn the_calls_in_the_readme_of_users_work_as_they_are_printed() {
    let host = Host::with(&["users"]);
    let printed = read_aloud("plugins/users/README.md", &host);
    assert_in_order(
        &printed,
        &[r#"{"jsonrpc":"2.0","result":1,"id":1}"#, r#""email":"ada@example.org""#, "$dateTime"],
    );
    assert_in_order(&printed, &["ada@example.org", "grace@example.org", "Creates a user"]);
}

#[test]
fn the_calls_in_the_readme_of_bank_work_as_they_are_printed() {
    let host = Host::with(&["bank"]);
    let printed = read_aloud("plugins/bank/README.md", &host);
    assert_in_order(&printed, &["69.75\n", "30.25\n", "1 Opening 0", "2 Received 30.25"]);
    assert_in_order(
        &printed,
        &[
            "holds 69.75, which is less than 1000",
            "{urn:guesthouse:bank}InsufficientFunds",
            "OpenAccountResponse",
        ],
    );
}

#[test]
fn the_calls_in_the_readme_of_chat_work_as_they_are_printed() {
    let host = Host::with(&["chat"]);
    let printed = read_aloud("plugins/chat/README.md", &host);
    assert_in_order(
        &printed,
        &["welcome", "Bob", "said", "hello", "\"type\":\"welcome\"", "Cy", "\"said\"", "hello"],
    );
}

#[test]
fn the_calls_in_the_readme_of_orders_work_as_they_are_printed() {
    let host = Host::with(&["orders"]);
    let printed = read_aloud("plugins/orders/README.md", &host);
    assert_in_order(
        &printed,
        &[r#""minorUnits":"810""#, r#""status":"open""#, r#""status":"paid""#, r#""notFound":"77""#],
    );
    assert_in_order(&printed, &[r#""id":1}"#, "TEA-1", "1 not found", r#"{"notFound":"77"}"#]);
}
