//! One call of a typed function.
//!
//! Owns the way from arguments to an outcome, and what an error of the function's own is in the terms that all protocols share: a
//! code, a sentence, and the error itself as data. Refuses to know which protocol asks.

use std::collections::HashMap;
use std::sync::Arc;

use wasmtime::component::Val;

use super::lift_json::{self, Unwritable};
use super::lower_json::Dialect;
use super::model::{Function, Returns, Service, Shape, Type};
use super::names::words;
use super::reflect::Reflected;
use crate::capability::CallContext;
use crate::failure::Failure;
use crate::limits::PluginLimits;
use crate::protocol::failure_of;
use crate::sandbox::{CallFailure, Program, ValuesExport};

/// A typed service that can be called.
pub struct Callee {
    program: Arc<Program>,
    service: Service,
    exports: Vec<ValuesExport>,
    by_name: HashMap<String, usize>,
}

/// What a function returned.
#[derive(Debug)]
pub enum Outcome {
    /// It went well; the value, if it has one.
    Done(Option<Val>),
    /// It returned its error; the value, if it has one.
    Refused(Option<Val>),
}

/// A function's own error, for protocols.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The case of the error's type, as it stands in WIT, where that is a variant or an enum.
    pub case: Option<String>,
    /// 1 for the first case, 2 for the second; 1 where there are no cases.
    pub code: i32,
    /// One sentence.
    pub message: String,
    /// The error as JSON; none when it carries nothing.
    pub data: Option<String>,
}

impl Callee {
    /// A service on its program.
    #[must_use]
    pub fn new(program: Arc<Program>, reflected: Reflected) -> Self {
        let Reflected { service, exports } = reflected;
        let by_name = service
            .functions
            .iter()
            .enumerate()
            .map(|(place, function)| (function.name.clone(), place))
            .collect();
        Self { program, service, exports, by_name }
    }

    /// What is served.
    #[must_use]
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// The component.
    #[must_use]
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The plugin's limits.
    #[must_use]
    pub fn limits(&self) -> &PluginLimits {
        self.program.limits()
    }

    /// A function by the name that styles use, and its place.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<(usize, &Function)> {
        let place = *self.by_name.get(name)?;
        Some((place, self.service.functions.get(place)?))
    }

    /// Calls the function at a place, on a fresh instance.
    ///
    /// # Errors
    /// When the plugin or the host failed; the log has the cause.
    pub async fn call(
        &self,
        place: usize,
        arguments: Vec<Val>,
        context: &CallContext,
    ) -> Result<Outcome, Failure> {
        match self.attempt(place, arguments, context).await {
            Some(Ok(outcome)) => Ok(outcome),
            Some(Err(failure)) => Err(failure_of(&failure, &self.program, context)),
            None => Err(Failure::NotFound),
        }
    }

    /// The same, for who may know why it failed. None when nothing stands at that place.
    pub async fn attempt(
        &self,
        place: usize,
        arguments: Vec<Val>,
        context: &CallContext,
    ) -> Option<Result<Outcome, CallFailure>> {
        let (export, function) = (self.exports.get(place)?, self.service.functions.get(place)?);
        let answer = match self.program.call_values(*export, arguments, context.clone()).await {
            Ok(answer) => answer,
            Err(failure) => return Some(Err(failure)),
        };
        let value = answer.value.into_iter().next();
        Some(Ok(match (function.returns.fallible, value) {
            (true, Some(Val::Result(Ok(value)))) => Outcome::Done(value.map(|value| *value)),
            (true, Some(Val::Result(Err(value)))) => Outcome::Refused(value.map(|value| *value)),
            (_, value) => Outcome::Done(value),
        }))
    }

    /// Writes a result as JSON; `null` when there is nothing to say.
    ///
    /// # Errors
    /// When it cannot be sent; the log has the cause.
    pub fn json(
        &self,
        function: &Function,
        value: Option<&Val>,
        dialect: Dialect,
        context: &CallContext,
    ) -> Result<String, Failure> {
        let (Some(of), Some(value)) = (&function.returns.ok, value) else { return Ok("null".to_owned()) };
        let mut out = String::new();
        lift_json::value(of, value, dialect, self.limits().response_bytes_max, &mut out)
            .map_err(|error| self.unwritable(function, error, context))?;
        Ok(out)
    }

    /// Puts a function's own error into the terms of protocols.
    ///
    /// # Errors
    /// When it cannot be sent; the log has the cause.
    pub fn refused(
        &self,
        function: &Function,
        error: Option<&Val>,
        context: &CallContext,
    ) -> Result<Refused, Failure> {
        describe(&function.returns, error, self.limits().response_bytes_max)
            .map_err(|error| self.unwritable(function, error, context))
    }

    /// Says in the log why an answer cannot be sent.
    pub fn unwritable(
        &self,
        function: &Function,
        why: impl std::fmt::Display,
        context: &CallContext,
    ) -> Failure {
        tracing::warn!(
            plugin = %self.service.name, request = %context.request_id, function = %function.wit,
            "the plugin's answer {why}"
        );
        Failure::PluginAnswerInvalid
    }
}

/// A function's own error in the terms of protocols.
///
/// # Errors
/// When it is too large to be written.
pub fn describe(returns: &Returns, error: Option<&Val>, bytes_max: u64) -> Result<Refused, Unwritable> {
    const NOTHING_SAID: &str = "The call was refused.";
    let (Some(of), Some(error)) = (&returns.error, error) else {
        return Ok(Refused { case: None, code: 1, message: NOTHING_SAID.to_owned(), data: None });
    };
    let mut data = String::new();
    lift_json::value(of, error, Dialect::Json, bytes_max, &mut data)?;
    let (case, place) = match (&of.shape, error) {
        (Shape::Variant(cases) | Shape::Enum(cases), Val::Variant(name, _) | Val::Enum(name)) => {
            (Some(name.clone()), cases.iter().position(|case| case.wit == *name).unwrap_or(0))
        }
        _ => (None, 0),
    };
    let code = i32::try_from(place).unwrap_or(i32::MAX - 1).saturating_add(1);
    let message = message(of, error).unwrap_or_else(|| NOTHING_SAID.to_owned());
    Ok(Refused { case, code, message, data: Some(data) })
}

/// The sentence in an error: the error itself, its field `message`, or the name of its case with either of them behind it.
fn message(of: &Type, error: &Val) -> Option<String> {
    match (&of.shape, error) {
        (Shape::String, Val::String(text)) => Some(text.clone()),
        (Shape::Record(_), Val::Record(values)) => values.iter().find_map(|(name, value)| match value {
            Val::String(text) if name == "message" => Some(text.clone()),
            _ => None,
        }),
        (Shape::Enum(_), Val::Enum(name)) => Some(words(name)),
        (Shape::Variant(cases), Val::Variant(name, value)) => {
            let payload = cases.iter().find(|case| case.wit == *name).and_then(|case| case.of.as_deref());
            let said = match (payload, value) {
                // Further cases inside are for those who read the data.
                (Some(payload), Some(value))
                    if !matches!(payload.shape, Shape::Variant(_) | Shape::Enum(_)) =>
                {
                    message(payload, value)
                }
                _ => None,
            };
            Some(match said {
                Some(said) => format!("{}: {said}", words(name)),
                None => words(name),
            })
        }
        _ => None,
    }
}
