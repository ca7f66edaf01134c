//! Random types and functions, and the WIT text that declares them.
//!
//! Owns what a random service looks like: every kind of type of WIT, nested to a bounded depth, names of every form that WIT
//! allows, several interfaces and functions of the world itself. How a name is mapped is written here from `wit/MAPPING.md`, and not
//! taken from the host.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::rc::Rc;

use crate::support::random::Random;

/// A type that is shared by all who use it.
pub(super) type Of = Rc<Type>;

/// A type of WIT.
#[derive(Debug, PartialEq)]
pub(super) enum Type {
    Bool,
    /// Bits, and whether it is signed.
    Integer(u32, bool),
    Float32,
    Float64,
    Char,
    Text,
    /// `list<u8>`.
    Bytes,
    List(Of),
    Option(Of),
    Tuple(Vec<Of>),
    Record(Declared, Vec<(Name, Of)>),
    Variant(Declared, Vec<(Name, Option<Of>)>),
    Enum(Declared, Vec<Name>),
    Flags(Declared, Vec<Name>),
    Result(Option<Of>, Option<Of>),
}

/// The name of a type in its interface.
pub(super) type Declared = String;

impl Type {
    pub(super) fn is_option(&self) -> bool {
        matches!(self, Self::Option(_))
    }

    /// What stands in a URL as one piece of text.
    pub(super) fn is_scalar(&self) -> bool {
        matches!(
            self,
            Self::Bool
                | Self::Integer(..)
                | Self::Float32
                | Self::Float64
                | Self::Char
                | Self::Text
                | Self::Bytes
                | Self::Enum(..)
        )
    }

    /// The cases of a variant, an enum or a result, with what they carry.
    pub(super) fn cases(&self) -> Vec<(String, Option<Of>)> {
        match self {
            Self::Variant(_, cases) => {
                cases.iter().map(|(name, of)| (name.mapped.clone(), of.clone())).collect()
            }
            Self::Enum(_, names) => names.iter().map(|name| (name.mapped.clone(), None)).collect(),
            Self::Result(ok, err) => {
                vec![("ok".to_owned(), ok.clone()), ("err".to_owned(), err.clone())]
            }
            _ => Vec::new(),
        }
    }

    /// As WIT names it where it is used.
    pub(super) fn wit(&self) -> String {
        let or_nothing = |of: &Option<Of>| of.as_ref().map_or("_".to_owned(), |of| of.wit());
        match self {
            Self::Bool => "bool".to_owned(),
            Self::Integer(bits, is_signed) => format!("{}{bits}", if *is_signed { "s" } else { "u" }),
            Self::Float32 => "f32".to_owned(),
            Self::Float64 => "f64".to_owned(),
            Self::Char => "char".to_owned(),
            Self::Text => "string".to_owned(),
            Self::Bytes => "list<u8>".to_owned(),
            Self::List(item) => format!("list<{}>", item.wit()),
            Self::Option(inner) => format!("option<{}>", inner.wit()),
            Self::Tuple(items) => {
                format!("tuple<{}>", items.iter().map(|item| item.wit()).collect::<Vec<_>>().join(", "))
            }
            Self::Record(name, _) | Self::Variant(name, _) | Self::Enum(name, _) | Self::Flags(name, _) => {
                format!("%{name}")
            }
            Self::Result(None, None) => "result".to_owned(),
            Self::Result(Some(ok), None) => format!("result<{}>", ok.wit()),
            Self::Result(ok, err) => format!("result<{}, {}>", or_nothing(ok), or_nothing(err)),
        }
    }

    /// Its declaration, if it has a name.
    fn declaration(&self) -> Option<String> {
        let names = |names: &[Name]| names.iter().map(|name| format!("%{}, ", name.wit)).collect::<String>();
        Some(match self {
            Self::Record(name, fields) => {
                let fields: String =
                    fields.iter().map(|(name, of)| format!("%{}: {}, ", name.wit, of.wit())).collect();
                format!("record %{name} {{ {fields}}}")
            }
            Self::Variant(name, cases) => {
                let cases: String = cases
                    .iter()
                    .map(|(name, of)| match of {
                        Some(of) => format!("%{}({}), ", name.wit, of.wit()),
                        None => format!("%{}, ", name.wit),
                    })
                    .collect();
                format!("variant %{name} {{ {cases}}}")
            }
            Self::Enum(name, cases) => format!("enum %{name} {{ {}}}", names(cases)),
            Self::Flags(name, flags) => format!("flags %{name} {{ {}}}", names(flags)),
            _ => return None,
        })
    }
}

/// A name in WIT and elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Name {
    pub(super) wit: String,
    pub(super) mapped: String,
}

impl Name {
    pub(super) fn new(wit: String) -> Self {
        Self { mapped: camel(&wit), wit }
    }
}

/// `unit-price` as `unitPrice`; a word that is an acronym stays as it is, but not at the front.
pub(super) fn camel(wit: &str) -> String {
    let mut mapped = String::new();
    for (place, word) in wit.split('-').enumerate() {
        if place == 0 {
            mapped.push_str(&word.to_ascii_lowercase());
        } else {
            mapped.push_str(&word[..1].to_ascii_uppercase());
            mapped.push_str(&word[1..]);
        }
    }
    mapped
}

/// Words that names are made of: keywords of WIT, words that a style gives a meaning, acronyms, digits.
const WORDS: [&str; 32] = [
    "order", "unit", "price", "a", "b2", "x", "type", "record", "list", "string", "func", "result",
    "message", "some", "ok", "err", "item", "item1", "value", "null", "true", "found", "code", "data", "URL",
    "ID", "X9", "A", "base64", "nil", "fault", "params",
];
const LATER_WORDS: [&str; 4] = ["2", "10", "3d", "0"];

/// Names of one scope, none of which meets another in WIT or after the mapping.
#[derive(Debug, Default)]
pub(super) struct Scope(HashSet<String>);

impl Scope {
    pub(super) fn name(&mut self, random: &mut Random) -> Name {
        loop {
            let mut wit = WORDS[random.below(WORDS.len())].to_owned();
            for _ in 0..random.below(3) {
                wit.push('-');
                if random.below(6) == 0 {
                    wit.push_str(LATER_WORDS[random.below(LATER_WORDS.len())]);
                } else {
                    wit.push_str(WORDS[random.below(WORDS.len())]);
                }
            }
            if let Some(name) = self.take(wit) {
                return name;
            }
        }
    }

    /// A name that is like a status of HTTP, if it is still free.
    fn status(&mut self, random: &mut Random) -> Option<Name> {
        self.take(STATUSES[random.below(STATUSES.len())].0.to_owned())
    }

    fn take(&mut self, wit: String) -> Option<Name> {
        let name = Name::new(wit);
        // WIT tells names apart without regard to case, the mapping by their letters alone: `a-1` and `a1`.
        let (lower, bare) = (name.wit.to_ascii_lowercase(), name.mapped.clone());
        if self.0.contains(&lower) || self.0.contains(&bare) {
            return None;
        }
        self.0.extend([lower, bare]);
        Some(name)
    }
}

/// Cases that are named like a phrase of HTTP, and their statuses.
pub(super) const STATUSES: [(&str, u16); 6] = [
    ("not-found", 404),
    ("conflict", 409),
    ("gone", 410),
    ("forbidden", 403),
    ("too-many-requests", 429),
    ("not-implemented", 501),
];

/// How a function makes its answer of its arguments. All of them are the identity in memory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Gives {
    /// The argument at a place.
    One(usize),
    /// All arguments as a tuple.
    All,
    /// The one argument, read as another type of the same layout: bytes as a text, an integer as a float. So a text can be had
    /// in an answer that cannot be sent in a call.
    Recast,
}

/// A function.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) wit: String,
    /// As styles name it.
    pub(super) name: String,
    /// Below the mount.
    pub(super) path: String,
    pub(super) parameters: Vec<(Name, Of)>,
    pub(super) returns: Of,
    pub(super) gives: Gives,
}

impl Function {
    /// Whether REST reads it by convention.
    pub(super) fn reads(&self) -> bool {
        ["get", "list", "find", "search", "count"]
            .iter()
            .any(|word| self.wit.starts_with(&format!("{word}-")))
    }

    fn declaration(&self) -> String {
        let parameters: Vec<String> =
            self.parameters.iter().map(|(name, of)| format!("%{}: {}", name.wit, of.wit())).collect();
        format!("%{}: func({}) -> {};", self.wit, parameters.join(", "), self.returns.wit())
    }

    /// Itself and the types it uses, as WIT: what a person needs to see a failure.
    pub(super) fn text(&self) -> String {
        let mut seen = Vec::new();
        for (_, of) in &self.parameters {
            collect(of, &mut seen);
        }
        collect(&self.returns, &mut seen);
        seen.push(self.declaration());
        seen.join("\n")
    }
}

/// The declarations of a type, those it uses first.
fn collect(of: &Type, seen: &mut Vec<String>) {
    match of {
        Type::List(inner) | Type::Option(inner) => collect(inner, seen),
        Type::Tuple(items) => items.iter().for_each(|item| collect(item, seen)),
        Type::Record(_, fields) => fields.iter().for_each(|(_, of)| collect(of, seen)),
        Type::Variant(_, cases) => {
            cases.iter().filter_map(|(_, of)| of.as_ref()).for_each(|of| collect(of, seen))
        }
        Type::Result(ok, err) => [ok, err].into_iter().flatten().for_each(|of| collect(of, seen)),
        _ => {}
    }
    if let Some(declaration) = of.declaration()
        && !seen.contains(&declaration)
    {
        seen.push(declaration);
    }
}

/// A service: its WIT and its functions.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) wit: String,
    pub(super) functions: Vec<Function>,
}

/// The interfaces of every random service.
const INTERFACES: [&str; 3] = ["plain", "two-words", "URL-first"];

impl Service {
    /// A service with so many functions in each of its interfaces, and a few of the world's own.
    pub(super) fn random(random: &mut Random, functions_each: usize) -> Self {
        let mut service = Self { wit: "package test:random@1.2.3;\n".to_owned(), functions: Vec::new() };
        for interface in INTERFACES {
            let mut maker = Maker { random, scope: Scope::default(), declared: Vec::new(), is_named: true };
            let functions: Vec<Function> =
                (0..functions_each).map(|number| maker.function(Some(interface), number)).collect();
            let Maker { declared, .. } = maker;
            let _ = writeln!(service.wit, "interface {interface} {{");
            for of in declared {
                let _ =
                    writeln!(service.wit, "  {}", of.declaration().expect("only such types are declared"));
            }
            for function in &functions {
                let _ = writeln!(service.wit, "  {}", function.declaration());
            }
            service.wit.push_str("}\n");
            service.functions.extend(functions);
        }
        service.wit.push_str("world random {\n");
        for interface in INTERFACES {
            let _ = writeln!(service.wit, "  export {interface};");
        }
        // The functions of a world have no types of their own here.
        let mut maker = Maker { random, scope: Scope::default(), declared: Vec::new(), is_named: false };
        for number in 0..functions_each / 4 {
            let function = maker.function(None, number);
            let _ = writeln!(service.wit, "  export {}", function.declaration());
            service.functions.push(function);
        }
        service.wit.push_str("}\n");
        service
    }
}

struct Maker<'r> {
    random: &'r mut Random,
    scope: Scope,
    declared: Vec<Of>,
    is_named: bool,
}

impl Maker<'_> {
    fn function(&mut self, interface: Option<&str>, number: usize) -> Function {
        let verb = ["echo", "echo", "get", "find", "create"][self.random.below(5)];
        let wit = format!("{verb}-{number}");
        let gives = match self.random.below(6) {
            0 => Gives::Recast,
            1 | 2 => Gives::All,
            3 => Gives::One(self.random.below(3)),
            _ => Gives::One(0),
        };
        // Many parameters pass the sixteen that the canonical ABI passes as core values.
        let count = match gives {
            Gives::Recast => 1,
            Gives::All => [1, 2, 3, 9][self.random.below(4)],
            Gives::One(0) => 1,
            Gives::One(place) => place + 1 + self.random.below(3),
        };
        let mut scope = Scope::default();
        let (parameters, returns) = if gives == Gives::Recast {
            let returns = if self.random.below(3) == 0 { self.fallible() } else { self.of(3, &mut 16) };
            let of = self.raw(&returns);
            (vec![(scope.name(self.random), of)], returns)
        } else {
            let depth = if count > 3 { 1 } else { 4 };
            let parameters: Vec<(Name, Of)> = (0..count)
                .map(|_| {
                    let of = match self.random.below(8) {
                        0 if count == 1 => self.deep(),
                        1 | 2 if count == 1 => self.fallible(),
                        _ => self.of(depth, &mut 24),
                    };
                    (scope.name(self.random), of)
                })
                .collect();
            let returns = match gives {
                Gives::One(place) => Rc::clone(&parameters[place].1),
                _ => Rc::new(Type::Tuple(parameters.iter().map(|(_, of)| Rc::clone(of)).collect())),
            };
            (parameters, returns)
        };
        let (name, path) = match interface {
            Some(interface) => {
                (format!("{}.{}", camel(interface), camel(&wit)), format!("{interface}/{wit}"))
            }
            None => (camel(&wit), wit.clone()),
        };
        Function { wit, name, path, parameters, returns, gives }
    }

    /// A type that nests nearly as deep as the host serves (`TYPED_DEPTH_MAX`).
    fn deep(&mut self) -> Of {
        let mut of = self.scalar();
        while nesting(&of) < NESTING_MAX {
            of = match self.random.below(if self.is_named { 6 } else { 4 }) {
                0 if *of == Type::Integer(8, false) => Rc::new(Type::Bytes),
                0 => Rc::new(Type::List(of)),
                1 => Rc::new(Type::Option(of)),
                2 => Rc::new(Type::Tuple(vec![self.scalar(), of])),
                3 => Rc::new(Type::Result(None, Some(of))),
                kind => {
                    let mut members = Scope::default();
                    let (first, second) = (members.name(self.random), members.name(self.random));
                    let shape = match kind {
                        4 => Shape::Record(vec![(first, self.scalar()), (second, of)]),
                        _ => Shape::Variant(vec![(first, None), (second, Some(of))]),
                    };
                    let name = self.scope.name(self.random).wit;
                    self.declare(name, shape)
                }
            };
        }
        of
    }

    /// A result: returned by a function, it is the protocol's own error.
    fn fallible(&mut self) -> Of {
        let mut left = 12;
        let ok = (self.random.below(4) > 0).then(|| self.of(2, &mut left));
        let err = match self.random.below(8) {
            0 => None,
            1 => Some(Rc::new(Type::Text)),
            2..5 if self.is_named => Some(self.named(2, &mut left)),
            _ => Some(self.of(2, &mut left)),
        };
        Rc::new(Type::Result(ok, err))
    }

    /// A type that nests so deep at most, of so many others.
    fn of(&mut self, depth: usize, left: &mut usize) -> Of {
        *left = left.saturating_sub(1);
        if depth == 0 || *left == 0 || self.random.below(3) == 0 {
            return self.scalar();
        }
        match self.random.below(if self.is_named { 10 } else { 6 }) {
            0 => Rc::new(Type::Bytes),
            1 => match self.of(depth - 1, left) {
                of if *of == Type::Integer(8, false) => Rc::new(Type::Bytes),
                of => Rc::new(Type::List(of)),
            },
            2 => Rc::new(Type::Option(self.of(depth - 1, left))),
            3 => {
                let inner = self.of(depth - 1, left);
                Rc::new(Type::Option(Rc::new(Type::Option(inner))))
            }
            4 => {
                let count = 1 + self.random.below(4);
                Rc::new(Type::Tuple((0..count).map(|_| self.of(depth - 1, left)).collect()))
            }
            5 => {
                let ok = (self.random.below(4) > 0).then(|| self.of(depth - 1, left));
                let err = (self.random.below(4) > 0).then(|| self.of(depth - 1, left));
                Rc::new(Type::Result(ok, err))
            }
            _ => self.named(depth, left),
        }
    }

    fn scalar(&mut self) -> Of {
        Rc::new(match self.random.below(14) {
            0 => Type::Bool,
            1 => Type::Float32,
            2 => Type::Float64,
            3 => Type::Char,
            4 | 5 => Type::Text,
            number => Type::Integer([8, 16, 32, 64][number % 4], number % 8 < 4),
        })
    }

    fn named(&mut self, depth: usize, left: &mut usize) -> Of {
        // One that there is already, as long as it is small.
        if self.random.below(4) == 0 && !self.declared.is_empty() {
            let known = &self.declared[self.random.below(self.declared.len())];
            if nesting(known) <= depth {
                return Rc::clone(known);
            }
        }
        let mut members = Scope::default();
        let kind = self.random.below(6);
        let count = match kind {
            // As many as fill one byte of flags, two, and four.
            5 => [1, 3, 8, 9, 16, 17, 31, 32][self.random.below(8)],
            // More than fit a byte need a wider discriminant.
            4 if self.random.below(12) == 0 => 257,
            _ => 1 + self.random.below(5),
        };
        let mut names = Vec::new();
        while names.len() < count {
            let status = if self.random.below(4) == 0 { members.status(self.random) } else { None };
            names.push(match status {
                Some(name) => name,
                None => members.name(self.random),
            });
        }
        let shape = match kind {
            0 | 1 => {
                let fields = names.into_iter().map(|name| {
                    let is_message = name.wit == "message" && self.random.below(2) == 0;
                    (name, if is_message { Rc::new(Type::Text) } else { self.of(depth - 1, left) })
                });
                let fields = fields.collect();
                Shape::Record(fields)
            }
            2 | 3 => {
                let cases = names.into_iter().map(|name| {
                    (name, if self.random.below(3) == 0 { None } else { Some(self.of(depth - 1, left)) })
                });
                let cases = cases.collect();
                Shape::Variant(cases)
            }
            4 => Shape::Enum(names),
            _ => Shape::Flags(names),
        };
        let name = self.scope.name(self.random).wit;
        self.declare(name, shape)
    }

    fn declare(&mut self, name: String, shape: Shape) -> Of {
        let of = Rc::new(match shape {
            Shape::Record(fields) => Type::Record(name, fields),
            Shape::Variant(cases) => Type::Variant(name, cases),
            Shape::Enum(names) => Type::Enum(name, names),
            Shape::Flags(names) => Type::Flags(name, names),
        });
        self.declared.push(Rc::clone(&of));
        of
    }

    /// The type of the same layout without texts, characters and floats.
    fn raw(&mut self, of: &Of) -> Of {
        match &**of {
            Type::Text => Rc::new(Type::Bytes),
            Type::Char | Type::Float32 => Rc::new(Type::Integer(32, false)),
            Type::Float64 => Rc::new(Type::Integer(64, false)),
            Type::List(item) => Rc::new(Type::List(self.raw(item))),
            Type::Option(inner) => Rc::new(Type::Option(self.raw(inner))),
            Type::Tuple(items) => Rc::new(Type::Tuple(items.iter().map(|item| self.raw(item)).collect())),
            Type::Result(ok, err) => {
                let mut raw = |of: &Option<Of>| of.as_ref().map(|of| self.raw(of));
                let ok = raw(ok);
                Rc::new(Type::Result(ok, raw(err)))
            }
            Type::Record(_, fields) => {
                let fields = fields.iter().map(|(name, of)| (name.clone(), self.raw(of))).collect();
                let name = self.scope.name(self.random).wit;
                self.declare(name, Shape::Record(fields))
            }
            Type::Variant(_, cases) => {
                let cases = cases
                    .iter()
                    .map(|(name, of)| (name.clone(), of.as_ref().map(|of| self.raw(of))))
                    .collect();
                let name = self.scope.name(self.random).wit;
                self.declare(name, Shape::Variant(cases))
            }
            _ => Rc::clone(of),
        }
    }
}

/// How deep the deepest types nest. A tuple of all arguments nests one deeper.
const NESTING_MAX: usize = 31;

/// A type that is to have a name.
enum Shape {
    Record(Vec<(Name, Of)>),
    Variant(Vec<(Name, Option<Of>)>),
    Enum(Vec<Name>),
    Flags(Vec<Name>),
}

fn nesting(of: &Type) -> usize {
    let most = |parts: &mut dyn Iterator<Item = &Of>| parts.map(|part| nesting(part)).max().unwrap_or(0);
    1 + match of {
        Type::List(inner) | Type::Option(inner) => nesting(inner),
        Type::Tuple(items) => most(&mut items.iter()),
        Type::Record(_, fields) => most(&mut fields.iter().map(|(_, of)| of)),
        Type::Variant(_, cases) => most(&mut cases.iter().filter_map(|(_, of)| of.as_ref())),
        Type::Result(ok, err) => most(&mut [ok, err].into_iter().flatten()),
        _ => 0,
    }
}
