//! A plugin of plain Rust for the tests of both protocols: the methods of the JSON-RPC specification's examples and some that
//! go wrong.

use std::cell::{Cell, RefCell};

use serde_json::Value;

use super::bindings::exports::guesthouse::plugin::rpc::Param;
use super::methods::MethodTable;
use super::openrpc::Document;
use super::service::{CallError, Caller, Service};
use super::{Kind, Method, PluginFailure};
use crate::capability::RequestId;
use crate::failure::Failure;
use crate::limits::PluginLimits;

/// A method with required parameters.
pub(super) fn method(name: &str, params: &[(&str, Kind)]) -> Method {
    let params = params.iter().map(|(name, kind)| Param {
        name: (*name).to_owned(),
        kind: *kind,
        required: true,
        help: String::new(),
        schema: None,
    });
    Method {
        name: name.to_owned(),
        help: format!("Help on {name}."),
        params: params.collect(),
        variadic: false,
        returns: Kind::Any,
        returns_schema: None,
    }
}

/// The plugin and what became of it.
pub(super) struct Fake {
    pub(super) methods: MethodTable,
    pub(super) contract: Document,
    pub(super) limits: PluginLimits,
    /// Every call: method and params.
    pub(super) calls: RefCell<Vec<(String, Option<String>)>>,
    running: Cell<usize>,
    /// The most calls that ran at the same time.
    pub(super) running_max: Cell<usize>,
}

impl Fake {
    pub(super) fn new() -> Self {
        Self::with(PluginLimits::DEFAULT)
    }

    pub(super) fn with(limits: PluginLimits) -> Self {
        let mut subtract = method("subtract", &[("minuend", Kind::Number), ("subtrahend", Kind::Number)]);
        subtract.returns = Kind::Number;
        let mut sum = method("sum", &[]);
        sum.variadic = true;
        let mut optional = method("optional", &[("a", Kind::Text), ("b", Kind::Integer)]);
        optional.params[1].required = false;
        optional.returns = Kind::DateTime;
        let names = [
            "update",
            "notify_hello",
            "notify_sum",
            "get_data",
            "echo",
            "raw",
            "fail",
            "trap",
            "late",
            "busy",
            "big",
            "slow",
        ];
        let mut methods: Vec<Method> = names.iter().map(|name| method(name, &[])).collect();
        methods.extend([subtract, sum, optional]);
        let methods = MethodTable::new(methods, &limits).unwrap();
        let contract = Document::new("fake", &methods).unwrap();
        Self {
            methods,
            contract,
            limits,
            calls: RefCell::default(),
            running: Cell::new(0),
            running_max: Cell::new(0),
        }
    }

    pub(super) fn service(&self) -> Service<'_, Self> {
        Service {
            methods: &self.methods,
            limits: &self.limits,
            caller: self,
            plugin: "fake",
            request_id: RequestId(0xABC),
            address: &|| "http://host/fake".to_owned(),
        }
    }

    pub(super) fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().build().unwrap()
    }

    pub(super) fn called(&self) -> Vec<String> {
        self.calls.borrow().iter().map(|(method, _)| method.clone()).collect()
    }

    fn run(method: &str, params: Option<&str>) -> Result<String, CallError> {
        let refuse = |code: i32, message: &str, data: Option<&str>| {
            Err(CallError::Plugin(PluginFailure {
                code,
                message: message.to_owned(),
                data: data.map(str::to_owned),
            }))
        };
        let arguments: Value =
            params.and_then(|params| serde_json::from_str(params).ok()).unwrap_or_default();
        let first = arguments.get(0).cloned().unwrap_or_default();
        match method {
            "subtract" => {
                let at = |name: &str, place: usize| {
                    arguments.get(place).or_else(|| arguments.get(name)).and_then(Value::as_i64)
                };
                match (at("minuend", 0), at("subtrahend", 1)) {
                    (Some(minuend), Some(subtrahend)) => Ok((minuend - subtrahend).to_string()),
                    _ => refuse(-32602, "Invalid params", None),
                }
            }
            "sum" => Ok(sum_of(&arguments).to_string()),
            "update" | "notify_hello" | "notify_sum" => Ok("null".to_owned()),
            "get_data" => Ok(r#"["hello",5]"#.to_owned()),
            "echo" => {
                let params = params.unwrap_or("null").trim();
                Ok(params
                    .strip_prefix('[')
                    .and_then(|rest| rest.strip_suffix(']'))
                    .unwrap_or(params)
                    .to_owned())
            }
            // The result is the text that was sent, whatever it is.
            "raw" => Ok(first.as_str().unwrap_or_default().to_owned()),
            "fail" => refuse(
                i32::try_from(first.as_i64().unwrap()).unwrap(),
                arguments[1].as_str().unwrap(),
                arguments[2].as_str(),
            ),
            "trap" => Err(CallError::Host(Failure::PluginTrapped)),
            "late" => Err(CallError::Host(Failure::PluginOutOfTime)),
            "busy" => Err(CallError::Host(Failure::Overloaded)),
            "big" => Ok(format!("\"{}\"", "x".repeat(usize::try_from(first.as_u64().unwrap()).unwrap()))),
            _ => Ok("true".to_owned()),
        }
    }
}

impl Caller for Fake {
    async fn call(&self, method: &str, params: Option<&str>) -> Result<String, CallError> {
        self.calls.borrow_mut().push((method.to_owned(), params.map(str::to_owned)));
        self.running.set(self.running.get() + 1);
        self.running_max.set(self.running_max.get().max(self.running.get()));
        if method == "slow" {
            tokio::task::yield_now().await;
        }
        self.running.set(self.running.get() - 1);
        Self::run(method, params)
    }
}

fn sum_of(arguments: &Value) -> i64 {
    arguments.as_array().map_or(0, |numbers| numbers.iter().filter_map(Value::as_i64).sum())
}

/// A deterministic stream of numbers for mutated input.
pub(in crate::protocol) struct Random(pub(in crate::protocol) u64);

impl Random {
    pub(in crate::protocol) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    /// The bytes with a few of them changed, left out or repeated.
    pub(in crate::protocol) fn mutated(&mut self, bytes: &[u8], alphabet: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            match self.below(5) {
                0 => bytes[at] = u8::try_from(self.below(256)).unwrap(),
                1 => bytes.truncate(at.max(1)),
                2 => {
                    bytes.remove(at);
                    bytes.push(b' ');
                }
                3 => bytes.insert(at, alphabet[self.below(alphabet.len())]),
                _ => bytes[at] = alphabet[self.below(alphabet.len())],
            }
        }
        bytes
    }
}
