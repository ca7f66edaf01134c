//! A typed service, reflected: what a component exports, in the words that every style and every contract use.
//!
//! Owns the types of the model and the few questions that all of its readers ask. It is made once, at load, and never changes;
//! lowering and lifting follow it, and contracts are pure functions of it. Refuses to know wasmtime, any protocol and any text
//! form: names are already mapped, so that no reader maps them again.

use std::sync::Arc;

use crate::plugin::Omitted;

/// Everything one component serves by its own types.
#[derive(Debug)]
pub struct Service {
    /// The plugin's name: the title of contracts.
    pub name: String,
    /// The exported interfaces that have served functions, in the component's order. World-level functions have none.
    pub interfaces: Vec<Interface>,
    /// The served functions, in the component's order.
    pub functions: Vec<Function>,
    /// The named types of all functions, each once, before those that use it.
    pub types: Vec<Arc<Type>>,
    /// What is exported and not served, and why.
    pub omitted: Vec<Omitted>,
}

/// An exported interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// As the component exports it: `acme:shop/orders@1.2.0`.
    pub id: String,
    /// Its doc comment; empty without one.
    pub docs: String,
}

/// A served function.
#[derive(Debug)]
pub struct Function {
    /// The interface it is exported by: a place in [`Service::interfaces`]; none at the world's level.
    pub interface: Option<usize>,
    /// As it stands in WIT: `create-order`.
    pub wit: String,
    /// As every style names it: `createOrder`, or `orders.createOrder` where several interfaces are served.
    pub name: String,
    /// Below the mount, for REST by convention: `create-order`, or `orders/create-order`.
    pub path: String,
    /// Its doc comment; empty without one.
    pub docs: String,
    /// Its parameters, in order.
    pub parameters: Vec<Field>,
    /// What it returns.
    pub returns: Returns,
}

/// What a function returns.
#[derive(Debug, Clone)]
pub struct Returns {
    /// The value of a call that went well; none when there is nothing to say but that.
    pub ok: Option<Arc<Type>>,
    /// Whether it returns a `result`, whose error is the protocol's own.
    pub fallible: bool,
    /// The type of that error, if it has one.
    pub error: Option<Arc<Type>>,
}

/// A parameter, or a field of a record.
#[derive(Debug, Clone)]
pub struct Field {
    /// As it stands in WIT.
    pub wit: String,
    /// As every style names it.
    pub name: String,
    /// Its doc comment; empty without one.
    pub docs: String,
    /// Its type.
    pub of: Arc<Type>,
}

impl Field {
    /// Whether it may be left out.
    #[must_use]
    pub fn is_optional(&self) -> bool {
        self.of.is_option()
    }
}

/// A case of a variant or an enum, or one flag.
#[derive(Debug, Clone)]
pub struct Case {
    /// As it stands in WIT.
    pub wit: String,
    /// As every style names it.
    pub name: String,
    /// Its doc comment; empty without one.
    pub docs: String,
    /// What it carries; none in enums and flags.
    pub of: Option<Arc<Type>>,
}

/// A type.
#[derive(Debug)]
pub struct Type {
    /// Its name in contracts, when it has one in WIT: `OrderLine`. No two types of a service share one.
    pub name: Option<String>,
    /// Its doc comment; empty without one.
    pub docs: String,
    /// What it is.
    pub shape: Shape,
}

/// What a type is.
#[derive(Debug)]
pub enum Shape {
    /// `bool`.
    Bool,
    /// Any of the eight integers.
    Integer(Integer),
    /// `f32`.
    Float32,
    /// `f64`.
    Float64,
    /// `char`.
    Char,
    /// `string`.
    String,
    /// `list<u8>`.
    Bytes,
    /// `list<T>`.
    List(Arc<Type>),
    /// `option<T>`.
    Option(Arc<Type>),
    /// `tuple<...>`.
    Tuple(Vec<Arc<Type>>),
    /// `record`.
    Record(Vec<Field>),
    /// `variant`.
    Variant(Vec<Case>),
    /// `result<T, E>` as a value. What a function returns is [`Returns`] instead.
    Result {
        /// The two cases, `ok` and `err`, in the form of a variant's.
        cases: Vec<Case>,
    },
    /// `enum`.
    Enum(Vec<Case>),
    /// `flags`.
    Flags(Vec<Case>),
}

impl Type {
    /// Whether it is `option<T>`.
    #[must_use]
    pub fn is_option(&self) -> bool {
        matches!(self.shape, Shape::Option(_))
    }

    /// The cases of a variant or an enum; none for every other type.
    #[must_use]
    pub fn cases(&self) -> &[Case] {
        match &self.shape {
            Shape::Variant(cases) | Shape::Enum(cases) => cases,
            _ => &[],
        }
    }

    /// Whether it is said in one piece of text without structure: what can stand in a path or in one query parameter.
    #[must_use]
    pub fn is_scalar(&self) -> bool {
        matches!(
            self.shape,
            Shape::Bool
                | Shape::Integer(_)
                | Shape::Float32
                | Shape::Float64
                | Shape::Char
                | Shape::String
                | Shape::Bytes
                | Shape::Enum(_)
        )
    }
}

/// The integers of WIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Integer {
    /// `s8`
    S8,
    /// `u8`
    U8,
    /// `s16`
    S16,
    /// `u16`
    U16,
    /// `s32`
    S32,
    /// `u32`
    U32,
    /// `s64`
    S64,
    /// `u64`
    U64,
}

impl Integer {
    /// The smallest and the largest.
    #[must_use]
    pub fn range(self) -> (i128, i128) {
        match self {
            Self::S8 => (i8::MIN.into(), i8::MAX.into()),
            Self::U8 => (0, u8::MAX.into()),
            Self::S16 => (i16::MIN.into(), i16::MAX.into()),
            Self::U16 => (0, u16::MAX.into()),
            Self::S32 => (i32::MIN.into(), i32::MAX.into()),
            Self::U32 => (0, u32::MAX.into()),
            Self::S64 => (i64::MIN.into(), i64::MAX.into()),
            Self::U64 => (0, u64::MAX.into()),
        }
    }

    /// Whether it has more bits than every client's numbers: written as text in JSON and XML-RPC.
    #[must_use]
    pub fn is_wide(self) -> bool {
        matches!(self, Self::S64 | Self::U64)
    }
}
