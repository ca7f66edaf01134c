//! From JSON text to values, by the types, in one pass.
//!
//! Owns the mapping's JSON side on the way in, strict: every member is known, there once, of its type and in its range, and what is
//! missing may be missing. No tree is built in between: the scanner walks the text and the model says what may stand where. Its
//! recursion is bounded by the depth of the types, what it allocates by the [`Room`].

use wasmtime::component::Val;

use super::invalid::{self, Invalid, expected, found_json};
use super::model::{Case, Field, Integer, Shape, Type};
use super::room::Room;
use super::scalar;
use crate::protocol::json::{self, Next, Scanner, SyntaxError};

/// Where the JSON comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// A JSON body.
    Json,
    /// Values of XML-RPC: bytes are marked as `{"$base64":"..."}`, and integers that its `int` does not hold may be strings.
    XmlRpc,
}

/// Why a text is not the arguments of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It is not JSON.
    Syntax(SyntaxError),
    /// A value in it does not fit its type.
    Invalid(Invalid),
}

impl From<SyntaxError> for Refusal {
    fn from(error: SyntaxError) -> Self {
        Self::Syntax(error)
    }
}

impl From<Invalid> for Refusal {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl Refusal {
    /// The same seen from one step further out.
    #[must_use]
    pub fn at(self, name: &str) -> Self {
        match self {
            Self::Invalid(invalid) => Self::Invalid(invalid.at(name)),
            syntax @ Self::Syntax(_) => syntax,
        }
    }

    fn at_index(self, index: usize) -> Self {
        match self {
            Self::Invalid(invalid) => Self::Invalid(invalid.at_index(index)),
            syntax @ Self::Syntax(_) => syntax,
        }
    }
}

/// Reads the arguments of a function: an object of named ones, an array of positional ones, or nothing for none at all.
///
/// # Errors
/// See [`Refusal`].
pub fn arguments(
    parameters: &[Field],
    text: Option<&str>,
    depth_max: u64,
    dialect: Dialect,
    room: &mut Room,
) -> Result<Vec<Val>, Refusal> {
    room.values(parameters.len())?;
    let Some(text) = text else {
        return parameters.iter().map(|parameter| missing(parameter).map_err(Refusal::from)).collect();
    };
    let mut scanner = Scanner::new(text, depth_max);
    let mut reader = Reader { dialect, room };
    let values = if scanner.peek() == Some(b'[') {
        reader.positional(&mut scanner, parameters)?
    } else {
        reader.members(&mut scanner, parameters, "an object of the arguments, or a list of them")?
    };
    scanner.end()?;
    Ok(values)
}

/// Reads one value.
///
/// # Errors
/// See [`Refusal`].
pub fn value(
    of: &Type,
    text: &str,
    depth_max: u64,
    dialect: Dialect,
    room: &mut Room,
) -> Result<Val, Refusal> {
    let mut scanner = Scanner::new(text, depth_max);
    room.values(1)?;
    let value = Reader { dialect, room }.value(&mut scanner, of)?;
    scanner.end()?;
    Ok(value)
}

/// What stands for a field that was left out.
///
/// # Errors
/// When it may not be.
pub fn missing(field: &Field) -> Result<Val, Invalid> {
    if field.is_optional() {
        Ok(Val::Option(None))
    } else {
        Err(Invalid::new(expected(&field.of), "nothing").at(&field.name))
    }
}

struct Reader<'r> {
    dialect: Dialect,
    room: &'r mut Room,
}

impl Reader<'_> {
    fn positional(&mut self, scanner: &mut Scanner<'_>, parameters: &[Field]) -> Result<Vec<Val>, Refusal> {
        let mut values = Vec::with_capacity(parameters.len());
        let mut next = scanner.enter()?;
        while next == Next::Item {
            let place = values.len();
            let Some(parameter) = parameters.get(place) else {
                let most = format!("at most {} arguments", parameters.len());
                return Err(Invalid::new(most, "one more").at_index(place).into());
            };
            let value = self.value(scanner, &parameter.of).map_err(|refusal| refusal.at_index(place))?;
            values.push(value);
            next = scanner.next()?;
        }
        for (place, parameter) in parameters.iter().enumerate().skip(values.len()) {
            if !parameter.is_optional() {
                let wanted = format!("{} for `{}`", expected(&parameter.of), parameter.name);
                return Err(Invalid::new(wanted, "nothing").at_index(place).into());
            }
            values.push(Val::Option(None));
        }
        Ok(values)
    }

    /// The members of an object that has these fields, in the order of the fields.
    fn members(
        &mut self,
        scanner: &mut Scanner<'_>,
        fields: &[Field],
        wanted: &str,
    ) -> Result<Vec<Val>, Refusal> {
        if scanner.peek() != Some(b'{') {
            return Err(mismatch(scanner, wanted));
        }
        let mut slots: Vec<Option<Val>> = Vec::with_capacity(fields.len());
        slots.resize_with(fields.len(), || None);
        // Clients write members in the order of the contract as a rule.
        let mut likely = 0_usize;
        let mut next = scanner.enter()?;
        while next == Next::Item {
            let name = json::unquoted(scanner.name()?);
            let place = match fields.get(likely) {
                Some(field) if field.name == name => Some(likely),
                _ => fields.iter().position(|field| field.name == name),
            };
            let found = place.and_then(|place| Some((place, fields.get(place)?, slots.get_mut(place)?)));
            let Some((place, field, slot)) = found else {
                return Err(Invalid::new(known(fields), "an unknown member").at(&invalid::cut(&name)).into());
            };
            if slot.is_some() {
                return Err(Invalid::new("one member of this name", "a second one").at(&field.name).into());
            }
            *slot = Some(self.value(scanner, &field.of).map_err(|refusal| refusal.at(&field.name))?);
            likely = place.saturating_add(1);
            next = scanner.next()?;
        }
        slots
            .into_iter()
            .zip(fields)
            .map(|(slot, field)| match slot {
                Some(value) => Ok(value),
                None => missing(field).map_err(Refusal::from),
            })
            .collect()
    }

    fn value(&mut self, scanner: &mut Scanner<'_>, of: &Type) -> Result<Val, Refusal> {
        match &of.shape {
            Shape::Bool => match scanner.peek() {
                Some(b't' | b'f') => Ok(Val::Bool(scanner.scalar()? == "true")),
                _ => Err(mismatch(scanner, &expected(of))),
            },
            Shape::Integer(integer) => self.integer(scanner, *integer),
            Shape::Float32 | Shape::Float64 => float(scanner, of),
            Shape::Char => {
                let text = string(scanner, of)?;
                let character = scalar::character(&json::unquoted(text));
                Ok(Val::Char(character.ok_or_else(|| unfit(of, text))?))
            }
            Shape::String => {
                let text = string(scanner, of)?;
                self.room.bytes(text.len())?;
                Ok(Val::String(json::unquoted(text).into_owned()))
            }
            Shape::Bytes => self.bytes(scanner, of),
            Shape::List(item) => self.list(scanner, of, item),
            Shape::Option(inner) => self.option(scanner, inner),
            Shape::Tuple(items) => self.tuple(scanner, of, items),
            Shape::Record(fields) => {
                self.room.fields(fields.len())?;
                let values = self.members(scanner, fields, "an object")?;
                let named = fields.iter().map(|field| field.wit.clone());
                Ok(Val::Record(named.zip(values).collect()))
            }
            Shape::Variant(cases) => {
                let (case, value) = self.case(scanner, of, cases)?;
                Ok(Val::Variant(case.wit.clone(), value.map(Box::new)))
            }
            Shape::Result { cases } => {
                let (case, value) = self.case(scanner, of, cases)?;
                let value = value.map(Box::new);
                Ok(Val::Result(if case.wit == "ok" { Ok(value) } else { Err(value) }))
            }
            Shape::Enum(cases) => {
                let text = string(scanner, of)?;
                let case = scalar::case(cases, &json::unquoted(text)).ok_or_else(|| unfit(of, text))?;
                self.room.bytes(case.wit.len())?;
                Ok(Val::Enum(case.wit.clone()))
            }
            Shape::Flags(cases) => self.flags(scanner, of, cases),
        }
    }

    fn integer(&mut self, scanner: &mut Scanner<'_>, integer: Integer) -> Result<Val, Refusal> {
        let wanted = || invalid::expected_integer(integer);
        let may_be_text = integer.is_wide() || (self.dialect == Dialect::XmlRpc && integer == Integer::U32);
        let (text, number) = match scanner.peek() {
            Some(b'-' | b'0'..=b'9') => {
                let text = scanner.scalar()?;
                (text, scalar::json_integer(text))
            }
            Some(b'"') if may_be_text => {
                let text = scanner.scalar()?;
                (text, scalar::text_integer(&json::unquoted(text)))
            }
            _ => return Err(mismatch(scanner, &wanted())),
        };
        let value = number.and_then(|number| scalar::integer_value(integer, number));
        Ok(value.ok_or_else(|| Invalid::new(wanted(), found_json(text)))?)
    }

    fn bytes(&mut self, scanner: &mut Scanner<'_>, of: &Type) -> Result<Val, Refusal> {
        let text = match self.dialect {
            Dialect::Json => string(scanner, of)?,
            Dialect::XmlRpc => {
                if scanner.peek() != Some(b'{') || scanner.enter()? != Next::Item {
                    return Err(mismatch(scanner, &expected(of)));
                }
                if json::unquoted(scanner.name()?) != "$base64" {
                    return Err(Invalid::new(expected(of), "a struct").into());
                }
                let text = string(scanner, of)?;
                if scanner.next()? != Next::End {
                    return Err(Invalid::new(expected(of), "a struct").into());
                }
                text
            }
        };
        self.room.values(text.len() / 4 * 3)?;
        let bytes = scalar::bytes(&json::unquoted(text)).ok_or_else(|| unfit(of, text))?;
        Ok(scalar::bytes_value(&bytes))
    }

    fn list(&mut self, scanner: &mut Scanner<'_>, of: &Type, item: &Type) -> Result<Val, Refusal> {
        if scanner.peek() != Some(b'[') {
            return Err(mismatch(scanner, &expected(of)));
        }
        let mut values = Vec::new();
        let mut next = scanner.enter()?;
        while next == Next::Item {
            self.room.values(1)?;
            let place = values.len();
            values.push(self.value(scanner, item).map_err(|refusal| refusal.at_index(place))?);
            next = scanner.next()?;
        }
        Ok(Val::List(values))
    }

    fn option(&mut self, scanner: &mut Scanner<'_>, inner: &Type) -> Result<Val, Refusal> {
        if scanner.peek() == Some(b'n') {
            scanner.scalar()?;
            return Ok(Val::Option(None));
        }
        self.room.values(1)?;
        if !inner.is_option() {
            return Ok(Val::Option(Some(Box::new(self.value(scanner, inner)?))));
        }
        // An option in an option: null alone could not tell which of the two is empty.
        const SOME: &str = "null, or an object with the one member `some`";
        if scanner.peek() != Some(b'{') {
            return Err(mismatch(scanner, SOME));
        }
        if scanner.enter()? != Next::Item || json::unquoted(scanner.name()?) != "some" {
            return Err(Invalid::new(SOME, "another object").into());
        }
        let value = self.value(scanner, inner).map_err(|refusal| refusal.at("some"))?;
        if scanner.next()? != Next::End {
            return Err(Invalid::new(SOME, "an object with more members").into());
        }
        Ok(Val::Option(Some(Box::new(value))))
    }

    fn tuple(
        &mut self,
        scanner: &mut Scanner<'_>,
        of: &Type,
        items: &[std::sync::Arc<Type>],
    ) -> Result<Val, Refusal> {
        if scanner.peek() != Some(b'[') {
            return Err(mismatch(scanner, &expected(of)));
        }
        self.room.values(items.len())?;
        let mut values = Vec::with_capacity(items.len());
        let mut next = scanner.enter()?;
        while next == Next::Item {
            let place = values.len();
            let Some(item) = items.get(place) else {
                return Err(Invalid::new(expected(of), "a longer list").into());
            };
            values.push(self.value(scanner, item).map_err(|refusal| refusal.at_index(place))?);
            next = scanner.next()?;
        }
        if values.len() < items.len() {
            return Err(Invalid::new(expected(of), format!("a list of {}", values.len())).into());
        }
        Ok(Val::Tuple(values))
    }

    /// A case that carries nothing is its name; one that carries something is an object with that one member.
    fn case<'c>(
        &mut self,
        scanner: &mut Scanner<'_>,
        of: &Type,
        cases: &'c [Case],
    ) -> Result<(&'c Case, Option<Val>), Refusal> {
        let unknown = |found: String| Invalid::new(expected(of), found);
        match scanner.peek() {
            Some(b'"') => {
                let text = scanner.scalar()?;
                let case = scalar::case(cases, &json::unquoted(text)).ok_or_else(|| unfit(of, text))?;
                if case.of.is_some() {
                    let wanted = format!("an object with the one member `{}`", case.name);
                    return Err(Invalid::new(wanted, found_json(text)).into());
                }
                self.room.bytes(case.wit.len())?;
                Ok((case, None))
            }
            Some(b'{') => {
                if scanner.enter()? != Next::Item {
                    return Err(unknown("an empty object".to_owned()).into());
                }
                let name = json::unquoted(scanner.name()?);
                let case = scalar::case(cases, &name)
                    .ok_or_else(|| unknown(format!("the member `{}`", invalid::cut(&name))))?;
                let Some(payload) = &case.of else {
                    let wanted = format!("the string \"{}\"", case.name);
                    return Err(Invalid::new(wanted, "an object").into());
                };
                self.room.bytes(case.wit.len())?;
                self.room.values(1)?;
                let value = self.value(scanner, payload).map_err(|refusal| refusal.at(&case.name))?;
                if scanner.next()? != Next::End {
                    return Err(unknown("an object with more members".to_owned()).into());
                }
                Ok((case, Some(value)))
            }
            _ => Err(mismatch(scanner, &expected(of))),
        }
    }

    fn flags(&mut self, scanner: &mut Scanner<'_>, of: &Type, cases: &[Case]) -> Result<Val, Refusal> {
        if scanner.peek() != Some(b'[') {
            return Err(mismatch(scanner, &expected(of)));
        }
        let mut set: Vec<String> = Vec::new();
        let mut next = scanner.enter()?;
        while next == Next::Item {
            let place = set.len();
            let one_of =
                || format!("one of {}", cases.iter().map(|case| &*case.name).collect::<Vec<_>>().join(", "));
            if scanner.peek() != Some(b'"') {
                return Err(mismatch(scanner, &one_of()).at_index(place));
            }
            let text = scanner.scalar()?;
            let flag = scalar::case(cases, &json::unquoted(text))
                .ok_or_else(|| Invalid::new(one_of(), found_json(text)).at_index(place))?;
            if set.contains(&flag.wit) {
                return Err(Invalid::new("each flag once", format!("{text} twice")).at_index(place).into());
            }
            self.room.values(1)?;
            set.push(flag.wit.clone());
            next = scanner.next()?;
        }
        Ok(Val::Flags(set))
    }
}

fn float(scanner: &mut Scanner<'_>, of: &Type) -> Result<Val, Refusal> {
    let narrow = matches!(of.shape, Shape::Float32);
    let (text, value) = match scanner.peek() {
        Some(b'-' | b'0'..=b'9') => {
            let text = scanner.scalar()?;
            let narrowed = || scalar::float32(text).map(Val::Float32);
            (text, if narrow { narrowed() } else { scalar::float64(text).map(Val::Float64) })
        }
        Some(b'"') => {
            let text = scanner.scalar()?;
            let special = scalar::special_float(&json::unquoted(text));
            #[expect(
                clippy::cast_possible_truncation,
                reason = "only infinities and NaN, which 32 bits have, too"
            )]
            let value = special.map(|special| match narrow {
                true => Val::Float32(special as f32),
                false => Val::Float64(special),
            });
            (text, value)
        }
        _ => return Err(mismatch(scanner, &expected(of))),
    };
    Ok(value.ok_or_else(|| unfit(of, text))?)
}

/// A string with its quotes.
fn string<'t>(scanner: &mut Scanner<'t>, of: &Type) -> Result<&'t str, Refusal> {
    if scanner.peek() == Some(b'"') { Ok(scanner.scalar()?) } else { Err(mismatch(scanner, &expected(of))) }
}

/// A literal of the right kind that does not fit.
fn unfit(of: &Type, text: &str) -> Invalid {
    Invalid::new(expected(of), found_json(text))
}

/// A value of another kind. Only a scalar is read, to be named.
fn mismatch(scanner: &mut Scanner<'_>, wanted: &str) -> Refusal {
    let found = match scanner.peek() {
        Some(b'{') => "an object".to_owned(),
        Some(b'[') => "a list".to_owned(),
        _ => match scanner.scalar() {
            Ok(text) => found_json(text),
            Err(error) => return Refusal::Syntax(error),
        },
    };
    Invalid::new(wanted, found).into()
}

fn known(fields: &[Field]) -> String {
    if fields.is_empty() {
        return "no members".to_owned();
    }
    let names: Vec<&str> = fields.iter().take(12).map(|field| field.name.as_str()).collect();
    let more = if fields.len() > names.len() { ", ..." } else { "" };
    format!("only the members {}{more}", names.join(", "))
}
