//! Calls in every style over a real socket, and what each answer has to be.
//!
//! Owns the envelopes and the rules of `wit/MAPPING.md` that are about calls: where arguments stand, how a function's own error and
//! arguments that do not fit are said, and which answers cannot be sent.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::query;
use super::soap;
use super::tree::{self, Column, Encoder, Mistake, Tree};
use super::types::{Function, Name, Of, STATUSES, Type};
use super::values::{Value, is_xml};
use super::xml::{self, Element, INSTANCE};
use crate::support::random::Random;
use crate::support::socket::Socket;
use crate::support::{Answer, Connection, Host, http};

/// A way to call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Style {
    /// By convention: `GET` with a query for what reads, `POST` with a body for the rest.
    Rest,
    /// `GET` by a route of the manifest, whatever the function's name.
    Query,
    ByName,
    ByPlace,
    XmlRpc,
    Soap11,
    Soap12,
    Socket,
}

pub(super) const STYLES: [Style; 8] = [
    Style::Rest,
    Style::Query,
    Style::ByName,
    Style::ByPlace,
    Style::XmlRpc,
    Style::Soap11,
    Style::Soap12,
    Style::Socket,
];

/// The longest target of a request (`uri_bytes_max`).
const TARGET_BYTES_MAX: usize = 8 * 1024;

impl Style {
    fn is_xml(self) -> bool {
        matches!(self, Self::XmlRpc | Self::Soap11 | Self::Soap12)
    }

    fn soap(self) -> (&'static str, &'static str) {
        match self {
            Self::Soap12 => ("http://www.w3.org/2003/05/soap-envelope", "application/soap+xml"),
            _ => ("http://schemas.xmlsoap.org/soap/envelope/", "text/xml"),
        }
    }
}

/// A request as it is sent, for the report of a failure, too.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) target: String,
    pub(super) body: String,
    method: &'static str,
    media_type: &'static str,
}

/// What an answer has to be.
#[derive(Debug)]
pub(super) enum Expected {
    /// This value.
    Value(Value),
    /// That the plugin's answer cannot be sent, because XML has no way to write it.
    Unsendable,
    /// A refusal of the arguments at this place, without the plugin.
    Invalid(String),
    /// A refusal of the text, which XML has no way to write.
    Malformed,
    /// A refusal of the target, which is too long.
    TooLong,
}

/// The mounts of one service.
#[derive(Debug, Clone)]
pub(super) struct Mounts {
    /// By convention.
    pub(super) plain: String,
    /// With a route for every function that makes it a `GET`.
    pub(super) queries: String,
    /// Of functions that trap, every other one a `GET`.
    pub(super) traps: String,
}

/// A client of a host.
pub(super) struct Client<'h> {
    host: &'h Host,
    connection: RefCell<Connection>,
    sockets: RefCell<HashMap<String, Socket>>,
}

impl<'h> Client<'h> {
    pub(super) fn new(host: &'h Host) -> Self {
        let connection = RefCell::new(Connection::open(host.address()));
        Self { host, connection, sockets: RefCell::default() }
    }

    /// Sends a request of a style, and gives the answer with its status; that of a message is 200.
    pub(super) fn send(&self, style: Style, request: &Request) -> (u16, Option<String>, String) {
        if style == Style::Socket {
            let mut sockets = self.sockets.borrow_mut();
            let socket = sockets
                .entry(request.target.clone())
                .or_insert_with(|| Socket::open(self.host, &request.target));
            socket.send_text(&request.body);
            return (200, None, socket.text());
        }
        let fields: &[(&str, &str)] =
            if request.media_type.is_empty() { &[] } else { &[("Content-Type", request.media_type)] };
        let bytes = http::request(
            self.host.address(),
            request.method,
            &request.target,
            fields,
            request.body.as_bytes(),
        );
        let mut connection = self.connection.borrow_mut();
        connection.send(&bytes);
        let answer: Answer = connection.answer_to(request.method);
        if answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
            *connection = Connection::open(self.host.address());
        }
        (answer.status, answer.header("content-type").map(str::to_owned), answer.text().to_owned())
    }
}

/// Whether a function is a `GET` where every other one is.
pub(super) fn is_get_among_traps(place: usize) -> bool {
    place % 2 == 1
}

/// Whether a style can make a mistake in a call of this function, which stands at a place among the others.
fn uses_query(style: Style, function: &Function, among_traps: Option<usize>) -> bool {
    match among_traps {
        Some(place) => style == Style::Query || style == Style::Rest && is_get_among_traps(place),
        None => style == Style::Query || style == Style::Rest && function.reads(),
    }
}

/// A call and what its answer has to be. With a mistake it goes to the functions that trap; none when none could be made.
pub(super) fn request(
    style: Style,
    mounts: &Mounts,
    (place, function): (usize, &Function),
    (arguments, answer): (&[Value], &Value),
    loose: &mut Option<&mut Random>,
    mut mistake: Option<(&mut Mistake, &mut Random)>,
) -> Option<(Request, Expected)> {
    let is_wrong = mistake.is_some();
    if is_wrong && style == Style::Query && !is_get_among_traps(place) {
        return None;
    }
    let mount = match (is_wrong, style) {
        (true, _) => &mounts.traps,
        (false, Style::Query) => &mounts.queries,
        (false, _) => &mounts.plain,
    };
    let named = Rc::new(Type::Record(String::new(), function.parameters.clone()));
    let parts = Value::Parts(arguments.to_vec());
    let json = "application/json";
    let name = &function.name;
    let (method, target, media_type, body) = match style {
        _ if uses_query(style, function, is_wrong.then_some(place)) => {
            let path = if is_wrong || style == Style::Query { query::in_path(function) } else { None };
            let mistake = mistake.as_mut().map(|(mistake, random)| (&mut **mistake, &mut **random));
            let target = query::target(function, arguments, path, loose, mistake);
            ("GET", target, "", String::new())
        }
        Style::Rest | Style::Query => {
            let tree = by_name(&named, &parts, loose, &mut mistake);
            ("POST", format!("/{}", function.path), json, tree::write(&tree, loose))
        }
        Style::ByName | Style::Socket => {
            let params = tree::write(&by_name(&named, &parts, loose, &mut mistake), loose);
            let path = if style == Style::Socket { "/ws" } else { "/rpc" };
            let body = format!(r#"{{"jsonrpc":"2.0","method":"{name}","params":{params},"id":1}}"#);
            ("POST", path.to_owned(), json, body)
        }
        Style::ByPlace => {
            let tree = by_place(function, arguments, Column::Json, loose, &mut mistake);
            let params = tree::write(&tree, loose);
            let body = format!(r#"{{"jsonrpc":"2.0","method":"{name}","params":{params},"id":1}}"#);
            ("POST", "/rpc".to_owned(), json, body)
        }
        Style::XmlRpc => {
            let Tree::Array(values) = by_place(function, arguments, Column::XmlRpc, loose, &mut mistake)
            else {
                unreachable!("arguments by place are an array")
            };
            let params: String = values
                .iter()
                .map(|value| format!("<param>{}</param>", xml::write_rpc(value, loose)))
                .collect();
            let body = format!(
                "<?xml version=\"1.0\"?><methodCall><methodName>{name}</methodName><params>{params}</params></methodCall>"
            );
            ("POST", "/xmlrpc".to_owned(), "text/xml", body)
        }
        Style::Soap11 | Style::Soap12 => {
            let (envelope, media_type) = style.soap();
            let namespace = format!("urn:guesthouse:{}", mount.trim_start_matches('/'));
            let mut encoder = soap::Encoder {
                namespace: &namespace,
                loose: loose.as_mut().map(|random| &mut **random),
                mistake: mistake.as_mut().map(|(mistake, random)| (&mut **mistake, &mut **random)),
            };
            let call = encoder.element(name, &named, &parts, "", false);
            let body = format!(
                "<e:Envelope xmlns:e=\"{envelope}\" xmlns:xsi=\"{INSTANCE}\"><e:Body>{}</e:Body></e:Envelope>",
                soap::write(&call, loose)
            );
            ("POST", "/soap".to_owned(), media_type, body)
        }
    };
    let target = format!("{mount}{target}");
    let expected = match mistake {
        Some((Mistake { made, .. }, _)) => {
            let (pointer, _) = made.as_ref()?;
            // What stands around the arguments is not theirs to get wrong.
            if pointer.is_empty() {
                return None;
            }
            if arguments.iter().any(|argument| argument.any_character(&|c| !is_xml(c))) && style.is_xml() {
                return None;
            }
            Expected::Invalid(pointer.clone())
        }
        None if style.is_xml()
            && arguments.iter().any(|argument| argument.any_character(&|c| !is_xml(c))) =>
        {
            Expected::Malformed
        }
        None if style.is_xml() && !can_be_sent(style, function, answer) => Expected::Unsendable,
        None => Expected::Value(answer.clone()),
    };
    let expected = if target.len() > TARGET_BYTES_MAX { Expected::TooLong } else { expected };
    Some((Request { target, body, method, media_type }, expected))
}

fn by_name(
    named: &Of,
    parts: &Value,
    loose: &mut Option<&mut Random>,
    mistake: &mut Option<(&mut Mistake, &mut Random)>,
) -> Tree {
    let mut encoder = Encoder {
        column: Column::Json,
        loose: loose.as_mut().map(|random| &mut **random),
        mistake: mistake.as_mut().map(|(mistake, random)| (&mut **mistake, &mut **random)),
    };
    encoder.value(named, parts, "", false)
}

fn by_place(
    function: &Function,
    arguments: &[Value],
    column: Column,
    loose: &mut Option<&mut Random>,
    mistake: &mut Option<(&mut Mistake, &mut Random)>,
) -> Tree {
    let parameters: Vec<&(Name, Of)> = function.parameters.iter().collect();
    let mut encoder = Encoder {
        column,
        loose: loose.as_mut().map(|random| &mut **random),
        mistake: mistake.as_mut().map(|(mistake, random)| (&mut **mistake, &mut **random)),
    };
    let mut values: Vec<Tree> = parameters
        .iter()
        .zip(arguments)
        .enumerate()
        .map(|(place, ((_, of), value))| encoder.value(of, value, &format!("/{place}"), of.is_option()))
        .collect();
    if let Some((mistake, random)) = mistake {
        if mistake.made.is_none() {
            let required = parameters.iter().rposition(|(_, of)| !of.is_option());
            mistake.made = match required {
                Some(place) if random.below(2) == 0 => {
                    values.truncate(place);
                    Some((format!("/{place}"), "a missing argument"))
                }
                _ => {
                    values.push(Tree::Null);
                    Some((format!("/{}", parameters.len()), "one argument too many"))
                }
            };
        }
        return Tree::Array(values);
    }
    // Those at the end may be left out when they are nothing.
    while values.last() == Some(&Tree::Null) && loose.as_mut().is_some_and(|random| random.below(2) == 0) {
        values.pop();
    }
    Tree::Array(values)
}

/// A function's own error, in the terms of all styles.
struct Refusal {
    code: usize,
    /// The status of REST.
    status: u16,
    message: Message,
    /// The error's type and value, if it has one.
    error: Option<(Of, Value)>,
}

/// What the mapping says of a message.
enum Message {
    /// It is this one.
    Is(String),
    /// It begins with this.
    Begins(String),
}

impl Message {
    fn fits(&self, message: &str) -> bool {
        match self {
            Self::Is(text) => message == text,
            Self::Begins(text) => message.starts_with(text.as_str()) && !message.is_empty(),
        }
    }
}

/// What the answer of a function is to a protocol: a value if it has one, or the function's own error.
fn outcome(function: &Function, answer: &Value) -> Result<Option<(Of, Value)>, Refusal> {
    let Type::Result(ok, err) = &*function.returns else {
        return Ok(Some((Rc::clone(&function.returns), answer.clone())));
    };
    let Value::Case(place, part) = answer else { unreachable!("a result is a case") };
    let with = |of: &Option<Of>| of.clone().zip(part.as_ref().map(|part| (**part).clone()));
    if *place == 0 {
        return Ok(with(ok));
    }
    let error = with(err);
    let (mut code, mut status) = (1, 422);
    let mut text = Message::Begins(String::new());
    if let Some((of, value)) = &error {
        text = message(of, value);
        if let (Type::Variant(..) | Type::Enum(..), Value::Case(place, _)) = (&**of, value) {
            code = place + 1;
            let case = wit_case(of, *place);
            status = STATUSES.iter().find(|(name, _)| *name == case).map_or(422, |(_, status)| *status);
        }
    }
    Err(Refusal { code, status, message: text, error })
}

/// Whether XML has a way to write all that is said.
fn can_be_sent(style: Style, function: &Function, answer: &Value) -> bool {
    match outcome(function, answer) {
        Ok(said) => !said.is_some_and(|(_, value)| value.any_character(&|c| !is_xml(c))),
        // The error is JSON in a text there, which has escapes for control characters. The message has none.
        Err(Refusal { message, error, .. }) if style == Style::XmlRpc => {
            let is_barred = |text: &str| text.chars().any(|c| !is_xml(c));
            let in_json = |c: char| c >= ' ' && !is_xml(c);
            !(matches!(message, Message::Is(text) if is_barred(&text))
                || error.is_some_and(|(_, value)| value.any_character(&in_json)))
        }
        Err(Refusal { error, .. }) => !error.is_some_and(|(_, value)| value.any_character(&|c| !is_xml(c))),
    }
}

/// The name of a case as it stands in WIT.
fn wit_case(of: &Type, place: usize) -> String {
    match of {
        Type::Variant(_, cases) => cases[place].0.wit.clone(),
        Type::Enum(_, names) => names[place].wit.clone(),
        _ => String::new(),
    }
}

/// E itself if it is a text, its field `message` if it is a record that has one, and for a case its name in words, with the
/// payload's message behind it.
fn message(of: &Type, value: &Value) -> Message {
    match (of, value) {
        (Type::Text, Value::Text(text)) => Message::Is(text.clone()),
        (Type::Record(_, fields), Value::Parts(parts)) => {
            let found = fields.iter().zip(parts).find_map(|((name, _), part)| match part {
                Value::Text(text) if name.wit == "message" => Some(text.clone()),
                _ => None,
            });
            found.map_or(Message::Begins(String::new()), Message::Is)
        }
        (Type::Variant(..) | Type::Enum(..), Value::Case(place, part)) => {
            let words = wit_case(of, *place).replace('-', " ");
            let payload = of.cases()[*place].1.clone();
            match (payload.as_deref(), part) {
                (None, _) => Message::Is(words),
                (Some(of @ (Type::Text | Type::Record(..))), Some(part)) => match message(of, part) {
                    Message::Is(inner) => Message::Is(format!("{words}: {inner}")),
                    Message::Begins(_) => Message::Begins(words),
                },
                _ => Message::Begins(words),
            }
        }
        _ => Message::Begins(String::new()),
    }
}

fn ensure(is_so: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if is_so { Ok(()) } else { Err(why()) }
}

/// Compares a tree with the one that the mapping has for a value, and reads the value back.
fn same(of: &Of, value: &Value, seen: &Tree, column: Column) -> Result<(), String> {
    let expected = Encoder::canonical(column).value(of, value, "", false);
    ensure(*seen == expected, || format!("another form than the mapping's: {expected:?}"))?;
    let back = tree::decode(of, seen, column)?;
    ensure(back == *value, || format!("read back as another value: {back:?}"))
}

/// Checks an answer; the error says what is wrong with it.
pub(super) fn check(
    style: Style,
    mount: &str,
    function: &Function,
    expected: &Expected,
    (status, media_type, text): (u16, Option<&str>, &str),
) -> Result<(), String> {
    if matches!(expected, Expected::TooLong) {
        return ensure(status == 414, || "a target of this length is 414".to_owned());
    }
    match style {
        Style::Rest | Style::Query => rest(function, expected, status, media_type, text),
        Style::ByName | Style::ByPlace | Style::Socket => json_rpc(function, expected, status, text),
        Style::XmlRpc => xml_rpc(function, expected, status, text),
        Style::Soap11 | Style::Soap12 => soap(style, mount, function, expected, status, text),
    }
}

fn rest(
    function: &Function,
    expected: &Expected,
    status: u16,
    media_type: Option<&str>,
    text: &str,
) -> Result<(), String> {
    let is_problem = media_type == Some("application/problem+json");
    let wrong = |what: &str| format!("expected {what}");
    match expected {
        Expected::Value(answer) => match outcome(function, answer) {
            Ok(Some((of, value))) => {
                ensure(status == 200 && media_type == Some("application/json"), || wrong("200 as JSON"))?;
                same(&of, &value, &tree::read(text)?, Column::Json)
            }
            Ok(None) => ensure(status == 204, || wrong("204")),
            Err(refusal) => {
                ensure(status == refusal.status && is_problem, || {
                    wrong(&format!("a problem with {}", refusal.status))
                })?;
                let problem = tree::read(text)?;
                let detail = problem.member("detail").and_then(Tree::text).ok_or("no detail")?;
                ensure(refusal.message.fits(detail), || wrong("the message as detail"))?;
                match (refusal.error, problem.member("error")) {
                    (Some((of, value)), Some(seen)) => same(&of, &value, seen, Column::Json),
                    (None, None) => Ok(()),
                    _ => Err(wrong("the error as `error`, if it has one")),
                }
            }
        },
        Expected::Invalid(pointer) => {
            ensure(status == 422 && is_problem, || wrong("a problem with 422"))?;
            let problem = tree::read(text)?;
            let Some(Tree::Array(errors)) = problem.member("errors") else { return Err(wrong("errors")) };
            let [error] = &errors[..] else { return Err(wrong("one error")) };
            misfit(error, pointer)
        }
        other => Err(format!("REST carries everything, but {other:?} was expected")),
    }
}

/// `{"pointer", "expected", "found"}`.
fn misfit(seen: &Tree, pointer: &str) -> Result<(), String> {
    let text = |name: &str| seen.member(name).and_then(Tree::text).unwrap_or_default();
    ensure(text("pointer") == pointer, || format!("expected the pointer `{pointer}`"))?;
    ensure(!text("expected").is_empty() && !text("found").is_empty(), || {
        "expected what was expected and what was found".to_owned()
    })
}

fn json_rpc(function: &Function, expected: &Expected, status: u16, text: &str) -> Result<(), String> {
    ensure(status == 200, || "expected 200".to_owned())?;
    let answer = tree::read(text)?;
    let error = answer.member("error");
    let code = error.and_then(|error| error.member("code"));
    let code_is = |wanted: String| {
        ensure(code == Some(&Tree::Number(wanted.clone())), || format!("expected code {wanted}"))
    };
    match expected {
        Expected::Value(answer_value) => {
            let result = answer.member("result");
            match outcome(function, answer_value) {
                Ok(Some((of, value))) => same(&of, &value, result.ok_or("no result")?, Column::Json),
                Ok(None) => ensure(result == Some(&Tree::Null), || "expected null".to_owned()),
                Err(refusal) => {
                    code_is(refusal.code.to_string())?;
                    let error = error.ok_or("no error")?;
                    let message = error.member("message").and_then(Tree::text).ok_or("no message")?;
                    ensure(refusal.message.fits(message), || "expected another message".to_owned())?;
                    match (refusal.error, error.member("data")) {
                        (Some((of, value)), Some(seen)) => same(&of, &value, seen, Column::Json),
                        (None, None) => Ok(()),
                        _ => Err("expected the error as data, if it has one".to_owned()),
                    }
                }
            }
        }
        Expected::Invalid(pointer) => {
            code_is("-32602".to_owned())?;
            misfit(error.and_then(|error| error.member("data")).ok_or("no data")?, pointer)
        }
        other => Err(format!("JSON carries everything, but {other:?} was expected")),
    }
}

fn xml_rpc(function: &Function, expected: &Expected, status: u16, text: &str) -> Result<(), String> {
    ensure(status == 200, || "expected 200".to_owned())?;
    let answer = xml::read(text)?;
    let fault = || -> Result<(String, String), String> {
        let fault = xml::read_rpc(answer.below(&["fault", "value"])?)?;
        match (fault.member("faultCode"), fault.member("faultString")) {
            (Some(Tree::Number(code)), Some(Tree::Text(text))) => Ok((code.clone(), text.clone())),
            _ => Err("expected a code and a text".to_owned()),
        }
    };
    let fault_is = |code: &str, begin: &str| {
        let seen = fault()?;
        ensure(seen.0 == code && seen.1.starts_with(begin), || format!("expected the fault {code} {begin}"))
    };
    match expected {
        Expected::Value(answer_value) => match outcome(function, answer_value) {
            Ok(given) => {
                let seen = xml::read_rpc(answer.below(&["params", "param", "value"])?)?;
                match given {
                    Some((of, value)) => same(&of, &value, &seen, Column::XmlRpc),
                    None => ensure(seen == Tree::Null, || "expected nil".to_owned()),
                }
            }
            Err(refusal) => {
                let Some((of, value)) = &refusal.error else {
                    let (code, message) = fault()?;
                    return ensure(code == "1" && !message.is_empty(), || "expected the fault 1".to_owned());
                };
                let (code, text) = fault()?;
                ensure(code == refusal.code.to_string(), || format!("expected the fault {}", refusal.code))?;
                // The error as JSON has no line break outside of its strings, which escape theirs.
                let (message, data) = text.rsplit_once('\n').ok_or("expected two lines")?;
                ensure(refusal.message.fits(message), || "expected another message".to_owned())?;
                same(of, value, &tree::read(data)?, Column::Json)
            }
        },
        Expected::Invalid(pointer) => fault_is("-32602", &format!("Invalid params: {pointer}: expected ")),
        Expected::Malformed => fault_is("-32700", ""),
        Expected::Unsendable => fault_is("-32603", ""),
        Expected::TooLong => Err("a body has no target".to_owned()),
    }
}

fn soap(
    style: Style,
    mount: &str,
    function: &Function,
    expected: &Expected,
    status: u16,
    text: &str,
) -> Result<(), String> {
    let (envelope, _) = style.soap();
    let is_11 = style == Style::Soap11;
    let answer = xml::read(text)?;
    ensure(answer.namespace == envelope && answer.name == "Envelope", || "expected an envelope".to_owned())?;
    let namespace = format!("urn:guesthouse:{}", mount.trim_start_matches('/'));
    let body = answer.below(&["Body"])?;
    let [content] = &body.children[..] else { return Err("expected one element in the body".to_owned()) };
    let fault = |who: &str, wanted: u16, reason: &dyn Fn(&str) -> bool| -> Result<(), String> {
        let (code, seen) = if is_11 {
            (content.below(&["faultcode"])?, content.below(&["faultstring"])?)
        } else {
            (content.below(&["Code", "Value"])?, content.below(&["Reason", "Text"])?)
        };
        ensure(status == wanted && code.text.ends_with(&format!(":{who}")), || {
            format!("expected {wanted} and a fault of {who}")
        })?;
        ensure(reason(&seen.text), || "expected another reason".to_owned())
    };
    let (sender, receiver, sender_status) =
        if is_11 { ("Client", "Server", 500) } else { ("Sender", "Receiver", 400) };
    match expected {
        Expected::Value(answer_value) => {
            let given = outcome(function, answer_value);
            let is_named = |element: &Element, suffix: &str| {
                ensure(
                    element.namespace == namespace && element.name == format!("{}{suffix}", function.name),
                    || format!("expected `{}{suffix}`", function.name),
                )
            };
            match &given {
                Ok(given) => {
                    ensure(status == 200, || "expected 200".to_owned())?;
                    is_named(content, "Response")?;
                    part(content, "result", given.as_ref(), &namespace)
                }
                Err(refusal) => {
                    fault(sender, sender_status, &|reason| refusal.message.fits(reason))?;
                    let detail = content.child(if is_11 { "detail" } else { "Detail" });
                    match (&refusal.error, detail) {
                        (Some(_), Some(detail)) => {
                            let [within] = &detail.children[..] else {
                                return Err("expected one element in the detail".to_owned());
                            };
                            is_named(within, "Fault")?;
                            part(within, "error", refusal.error.as_ref(), &namespace)
                        }
                        (None, None) => Ok(()),
                        (None, Some(detail)) => {
                            ensure(detail.children.is_empty(), || "expected nothing in the detail".to_owned())
                        }
                        (Some(_), None) => Err("expected a detail".to_owned()),
                    }
                }
            }
        }
        Expected::Invalid(pointer) => {
            let begin = format!("{pointer}: expected ");
            fault(sender, sender_status, &|reason| reason.starts_with(&begin))
        }
        Expected::Unsendable => fault(receiver, 500, &|_| true),
        Expected::Malformed => fault(sender, sender_status, &|_| true),
        Expected::TooLong => Err("a body has no target".to_owned()),
    }
}

/// The one element of an answer, which is left out for nothing.
fn part(around: &Element, name: &str, given: Option<&(Of, Value)>, namespace: &str) -> Result<(), String> {
    let Some((of, value)) = given.filter(|(_, value)| *value != Value::Option(None)) else {
        return ensure(around.children.is_empty(), || format!("expected no `{name}`"));
    };
    let [seen] = &around.children[..] else { return Err(format!("expected one `{name}`")) };
    let mut encoder = soap::Encoder { namespace, loose: None, mistake: None };
    let expected = encoder.element(name, of, value, "", false);
    ensure(*seen == expected, || format!("another form than the mapping's: {expected:?}"))?;
    let back = soap::decode(of, seen)?;
    ensure(back == *value, || format!("read back as another value: {back:?}"))
}
