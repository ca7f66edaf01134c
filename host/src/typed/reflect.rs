//! From a component's types to the model of its service.
//!
//! Owns what is served and what is not, every limit on the shape of a service, and how names are mapped. The component's own
//! types are the truth, because it is they that a call is checked against; a WIT text only adds doc comments. A function that
//! has no form outside of a component (it takes or returns a resource, a stream or a future) is left out with its reason; types
//! that exceed a limit, or names that meet after the mapping, refuse the whole plugin, because every contract would be wrong.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail, ensure};
use wasmtime::Engine;
use wasmtime::component::types::{ComponentFunc, ComponentInstance, ComponentItem};
use wasmtime::component::{self, Component};

use super::documentation::Documentation;
use super::model::{Case, Field, Function, Integer, Interface, Returns, Service, Shape, Type};
use super::names::{lower_camel, upper_camel};
use crate::limits::{
    TYPED_DEPTH_MAX, TYPED_FUNCTIONS_MAX, TYPED_MEMBERS_MAX, TYPED_NAME_BYTES_MAX, TYPED_NODES_MAX,
    TYPED_NODES_TOTAL_MAX, TYPED_TYPES_MAX,
};
use crate::plugin::{NothingToServe, Omitted};
use crate::sandbox::ValuesExport;

/// A service and where its functions are in the component: one export for each of [`Service::functions`].
#[derive(Debug)]
pub struct Reflected {
    /// The model.
    pub service: Service,
    /// How its functions are called, in their order.
    pub exports: Vec<ValuesExport>,
}

/// What componentize-py leaves in every component, beside what the component's world exports: the interface of the function that
/// loads the Python modules. It has been called when the component was made, and is nobody's afterwards.
const LEFT_BY_COMPONENTIZE_PY: &str = "exports";

/// Whether an export is one of a plugin's own: those of the contract and of WASI are served by styles, or not at all.
#[must_use]
pub fn is_own(export: &str) -> bool {
    !export.starts_with("guesthouse:") && !export.starts_with("wasi:") && export != LEFT_BY_COMPONENTIZE_PY
}

/// Reads the service that a component exports.
///
/// # Errors
/// In words for the plugin's author: which function or type breaks which rule. No function that can be served is an error, too.
pub fn reflect(
    component: &Component,
    engine: &Engine,
    plugin: &str,
    documentation: &Documentation,
) -> Result<Reflected> {
    let mut reflection = Reflection {
        component,
        engine,
        documentation,
        builder: Builder::new(documentation),
        service: Service {
            name: plugin.to_owned(),
            interfaces: Vec::new(),
            functions: Vec::new(),
            types: Vec::new(),
            omitted: Vec::new(),
        },
        exports: Vec::new(),
    };
    let whole = component.component_type();
    let mut instances = Vec::new();
    let mut functions = Vec::new();
    for (name, item) in whole.exports(engine) {
        match item.ty {
            ComponentItem::ComponentInstance(instance)
                if is_own(name) && has_functions(&instance, engine) =>
            {
                instances.push((name.to_owned(), instance));
            }
            ComponentItem::ComponentFunc(function) => functions.push((name.to_owned(), function)),
            _ => {}
        }
    }
    let prefixes = prefixes(instances.iter().map(|(name, _)| name.as_str()))?;
    for ((id, instance), prefix) in instances.iter().zip(&prefixes) {
        reflection.interface(id, instance, prefix).with_context(|| format!("`{id}`"))?;
    }
    for (name, function) in &functions {
        reflection.function(None, "", name, function, &Prefix::default())?;
    }
    let Reflection { mut service, exports, builder, .. } = reflection;
    service.types = builder.named;
    if service.functions.is_empty() {
        return Err(NothingToServe { omitted: service.omitted }.into());
    }
    unique("functions", service.functions.iter().map(|function| (&*function.wit, &*function.name)))?;
    unique("functions", service.functions.iter().map(|function| (&*function.wit, &*function.path)))?;
    Ok(Reflected { service, exports })
}

fn has_functions(instance: &ComponentInstance, engine: &Engine) -> bool {
    instance.exports(engine).any(|(_, item)| matches!(item.ty, ComponentItem::ComponentFunc(_)))
}

/// What stands before a function's name where one interface is not enough to tell.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Prefix {
    name: String,
    path: String,
}

/// The prefixes of several interfaces: none when there is one. The same interface in several versions is told apart by its
/// version track.
fn prefixes<'a>(ids: impl Iterator<Item = &'a str> + Clone) -> Result<Vec<Prefix>> {
    let parts: Vec<(&str, &str, Option<&str>)> = ids.map(parts).collect();
    if parts.len() < 2 {
        return Ok(parts.iter().map(|_| Prefix::default()).collect());
    }
    let mut seen = HashSet::new();
    parts
        .iter()
        .map(|(package, name, version)| {
            let alike = parts.iter().filter(|(_, other, _)| other == name).count();
            let track = version.filter(|_| alike > 1).map(track);
            let prefix = match &track {
                Some(track) => Prefix {
                    name: format!("{}.{track}.", lower_camel(name)),
                    path: format!("{name}/{track}/"),
                },
                None => Prefix { name: format!("{}.", lower_camel(name)), path: format!("{name}/") },
            };
            ensure!(
                seen.insert(prefix.name.clone()),
                "two exported interfaces are called `{name}` (one of them in `{package}`): functions of both would be named \
                 `{}...`; rename one, or give both a version of another track",
                prefix.name
            );
            Ok(prefix)
        })
        .collect()
}

/// `acme:shop/orders@1.2.0` as package, name and version.
fn parts(id: &str) -> (&str, &str, Option<&str>) {
    let (path, version) = match id.split_once('@') {
        Some((path, version)) => (path, Some(version)),
        None => (id, None),
    };
    match path.rsplit_once('/') {
        Some((package, name)) => (package, name, version),
        None => ("", path, version),
    }
}

/// What a client may rely on staying compatible: the major version, below 1.0 the minor one, and all of a pre-release.
fn track(version: &str) -> String {
    let plain = |text: &str| -> String {
        text.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect()
    };
    let mut numbers = version.split('.');
    match (numbers.next(), numbers.next()) {
        _ if version.contains('-') => format!("v{}", plain(version)),
        (Some("0"), Some(minor)) => format!("v0_{}", plain(minor)),
        (Some(major), _) => format!("v{}", plain(major)),
        (None, _) => String::new(),
    }
}

struct Reflection<'a> {
    component: &'a Component,
    engine: &'a Engine,
    documentation: &'a Documentation,
    builder: Builder<'a>,
    service: Service,
    exports: Vec<ValuesExport>,
}

impl Reflection<'_> {
    fn interface(&mut self, id: &str, instance: &ComponentInstance, prefix: &Prefix) -> Result<()> {
        let place = self.service.interfaces.len();
        let docs = self.documentation.interface(id).to_owned();
        self.service.interfaces.push(Interface { id: id.to_owned(), docs });
        self.builder.enter(id);
        for (name, item) in instance.exports(self.engine) {
            if let ComponentItem::Type(of) = item.ty {
                self.builder.name(of, name)?;
            }
        }
        for (name, item) in instance.exports(self.engine) {
            if let ComponentItem::ComponentFunc(function) = item.ty {
                self.function(Some(place), id, name, &function, prefix)?;
            }
        }
        Ok(())
    }

    fn function(
        &mut self,
        interface: Option<usize>,
        id: &str,
        name: &str,
        function: &ComponentFunc,
        prefix: &Prefix,
    ) -> Result<()> {
        let full = if id.is_empty() { name.to_owned() } else { format!("{id}#{name}") };
        ensure!(
            self.service.functions.len().saturating_add(self.service.omitted.len()) < TYPED_FUNCTIONS_MAX,
            "there are more than {TYPED_FUNCTIONS_MAX} functions; split the service"
        );
        let described = describe(&mut self.builder, function);
        let (parameters, returns) = match described {
            _ if name.starts_with('[') => {
                self.omit(full, "it belongs to a resource, which has no form outside of a component");
                return Ok(());
            }
            Ok(described) => described,
            Err(Problem::NoForm(reason)) => {
                self.omit(full, &reason);
                return Ok(());
            }
            Err(Problem::Refused(error)) => return Err(error.context(format!("function `{name}`"))),
        };
        check_name(name)?;
        let index = if id.is_empty() {
            self.component.get_export_index(None, name)
        } else {
            let instance = self.component.get_export_index(None, id);
            instance.and_then(|instance| self.component.get_export_index(Some(&instance), name))
        };
        let index = index.ok_or_else(|| anyhow!("the function `{full}` cannot be found in the component"))?;
        self.exports.push(ValuesExport::new(index, function.results().len()));
        let documented = self.documentation.function(id, name);
        let parameters = parameters
            .into_iter()
            .map(|(wit, of)| Field { name: lower_camel(&wit), docs: String::new(), wit, of })
            .collect();
        self.service.functions.push(Function {
            interface,
            wit: name.to_owned(),
            name: format!("{}{}", prefix.name, lower_camel(name)),
            path: format!("{}{name}", prefix.path),
            docs: documented.to_owned(),
            parameters,
            returns,
        });
        Ok(())
    }

    fn omit(&mut self, function: String, reason: &str) {
        self.service.omitted.push(Omitted { function, reason: reason.to_owned() });
    }
}

/// Why a type is not in the model.
enum Problem {
    /// The function that uses it is left out.
    NoForm(String),
    /// The plugin is refused.
    Refused(anyhow::Error),
}

impl From<anyhow::Error> for Problem {
    fn from(error: anyhow::Error) -> Self {
        Self::Refused(error)
    }
}

type Described = (Vec<(String, Arc<Type>)>, Returns);

fn describe(builder: &mut Builder<'_>, function: &ComponentFunc) -> Result<Described, Problem> {
    if function.async_() {
        return Err(Problem::NoForm("it is asynchronous; only plain functions are served".to_owned()));
    }
    let mut parameters = Vec::new();
    for (name, of) in function.params() {
        check_members("parameters", parameters.len())?;
        check_name(name)?;
        parameters.push((name.to_owned(), builder.build(&of)?));
    }
    let mapped: Vec<String> = parameters.iter().map(|(name, _)| lower_camel(name)).collect();
    unique("parameters", parameters.iter().zip(&mapped).map(|((wit, _), name)| (&**wit, &**name)))?;
    let returns = match function.results().next() {
        None => Returns { ok: None, fallible: false, error: None },
        Some(component::Type::Result(result)) => {
            let mut one = |of: Option<component::Type>| of.map(|of| builder.build(&of)).transpose();
            Returns { ok: one(result.ok())?, fallible: true, error: one(result.err())? }
        }
        Some(of) => Returns { ok: Some(builder.build(&of)?), fallible: false, error: None },
    };
    Ok((parameters, returns))
}

/// A type that has been looked at: what it became, and how deep it nests.
struct Known {
    of: component::Type,
    built: Result<Arc<Type>, String>,
    extent: Extent,
}

/// How large a type is.
#[derive(Debug, Clone, Copy)]
struct Extent {
    /// How deep it nests.
    depth: usize,
    /// How many types it is when every use of a type is written out: what a contract without references would hold.
    nodes: usize,
}

impl Extent {
    const LEAF: Self = Self { depth: 1, nodes: 1 };
    const NOTHING: Self = Self { depth: 0, nodes: 0 };

    fn add(&mut self, part: Self) {
        self.depth = self.depth.max(part.depth);
        self.nodes = self.nodes.saturating_add(part.nodes);
    }

    /// Of the whole that has these parts.
    fn around(self) -> Self {
        Self { depth: self.depth.saturating_add(1), nodes: self.nodes.saturating_add(1) }
    }
}

/// Makes the types of the model, each once.
struct Builder<'a> {
    documentation: &'a Documentation,
    interface: String,
    /// Types that were looked at. Searched by equality, because the engine's types have no hash; there are a few thousand at most,
    /// once, at load.
    known: Vec<Known>,
    /// The names that interfaces export types under: the type, its name, the interface.
    exported: Vec<(component::Type, String, String)>,
    /// Names that contracts already use.
    taken: HashSet<String>,
    named: Vec<Arc<Type>>,
    /// Of all parameters and results so far.
    nodes: usize,
}

impl<'a> Builder<'a> {
    fn new(documentation: &'a Documentation) -> Self {
        Self {
            documentation,
            interface: String::new(),
            known: Vec::new(),
            exported: Vec::new(),
            taken: HashSet::new(),
            named: Vec::new(),
            nodes: 0,
        }
    }

    fn enter(&mut self, interface: &str) {
        interface.clone_into(&mut self.interface);
    }

    /// Remembers under which name an interface exports a type.
    fn name(&mut self, of: component::Type, name: &str) -> Result<()> {
        use component::Type as T;
        if matches!(of, T::Record(_) | T::Variant(_) | T::Enum(_) | T::Flags(_)) {
            ensure!(
                self.exported.len() < TYPED_TYPES_MAX,
                "there are more than {TYPED_TYPES_MAX} types; split the service"
            );
            self.exported.push((of, name.to_owned(), self.interface.clone()));
        }
        Ok(())
    }

    /// The type of a parameter or a result.
    fn build(&mut self, of: &component::Type) -> Result<Arc<Type>, Problem> {
        let (built, extent) = self.build_measured(of, 1)?;
        self.nodes = self.nodes.saturating_add(extent.nodes);
        if self.nodes > TYPED_NODES_TOTAL_MAX {
            return Err(Problem::Refused(anyhow!(
                "the types of all functions together are more than {TYPED_NODES_TOTAL_MAX} when they are written out; split the \
                 service"
            )));
        }
        Ok(built)
    }

    /// The type and its extent.
    fn build_measured(&mut self, of: &component::Type, level: usize) -> Result<(Arc<Type>, Extent), Problem> {
        let too_deep = || {
            Problem::Refused(anyhow!(
                "a type nests more than {TYPED_DEPTH_MAX} deep; flatten it, or pass a string in a format of its own"
            ))
        };
        if level > TYPED_DEPTH_MAX {
            return Err(too_deep());
        }
        if let Some(known) = self.known.iter().find(|known| known.of == *of) {
            if level.saturating_add(known.extent.depth) > TYPED_DEPTH_MAX.saturating_add(1) {
                return Err(too_deep());
            }
            return known
                .built
                .as_ref()
                .map(|built| (Arc::clone(built), known.extent))
                .map_err(|reason| Problem::NoForm(reason.clone()));
        }
        if self.known.len() >= TYPED_TYPES_MAX {
            return Err(Problem::Refused(anyhow!(
                "there are more than {TYPED_TYPES_MAX} types; split the service"
            )));
        }
        let shaped = self.shape(of, level);
        let (built, extent) = match shaped {
            Ok((shape, extent)) => (Ok(self.finish(of, shape)?), extent),
            Err(Problem::NoForm(reason)) => (Err(reason), Extent::LEAF),
            Err(refused) => return Err(refused),
        };
        if extent.nodes > TYPED_NODES_MAX {
            return Err(Problem::Refused(anyhow!(
                "a type consists of more than {TYPED_NODES_MAX} types when it is written out"
            )));
        }
        self.known.push(Known { of: of.clone(), built: built.clone(), extent });
        built.map(|built| (built, extent)).map_err(Problem::NoForm)
    }

    /// Gives a type its name and its doc comments.
    fn finish(&mut self, of: &component::Type, mut shape: Shape) -> Result<Arc<Type>, Problem> {
        let found = self.exported.iter().find(|(exported, _, _)| exported == of);
        let Some((_, name, interface)) = found else {
            return Ok(Arc::new(Type { name: None, docs: String::new(), shape }));
        };
        check_name(name)?;
        let mut unique = upper_camel(name);
        if self.taken.contains(&unique) {
            let (_, interface, _) = parts(interface);
            unique = format!("{}{unique}", upper_camel(interface));
        }
        if !self.taken.insert(unique.clone()) {
            return Err(Problem::Refused(anyhow!(
                "two different types would be called `{unique}` in contracts; rename one of them"
            )));
        }
        let documented = self.documentation.of_type(interface, name);
        match &mut shape {
            Shape::Record(fields) => {
                for field in fields {
                    documented.member(&field.wit).clone_into(&mut field.docs);
                }
            }
            Shape::Variant(cases) | Shape::Enum(cases) | Shape::Flags(cases) => {
                for case in cases {
                    documented.member(&case.wit).clone_into(&mut case.docs);
                }
            }
            _ => {}
        }
        let docs = documented.docs().to_owned();
        let named = Arc::new(Type { name: Some(unique), docs, shape });
        self.named.push(Arc::clone(&named));
        Ok(named)
    }

    fn shape(&mut self, of: &component::Type, level: usize) -> Result<(Shape, Extent), Problem> {
        use component::Type as T;
        let leaf = |shape| Ok((shape, Extent::LEAF));
        let mut parts = Extent::NOTHING;
        let below = level.saturating_add(1);
        let shape = match of {
            T::Bool => return leaf(Shape::Bool),
            T::S8 => return leaf(Shape::Integer(Integer::S8)),
            T::U8 => return leaf(Shape::Integer(Integer::U8)),
            T::S16 => return leaf(Shape::Integer(Integer::S16)),
            T::U16 => return leaf(Shape::Integer(Integer::U16)),
            T::S32 => return leaf(Shape::Integer(Integer::S32)),
            T::U32 => return leaf(Shape::Integer(Integer::U32)),
            T::S64 => return leaf(Shape::Integer(Integer::S64)),
            T::U64 => return leaf(Shape::Integer(Integer::U64)),
            T::Float32 => return leaf(Shape::Float32),
            T::Float64 => return leaf(Shape::Float64),
            T::Char => return leaf(Shape::Char),
            T::String => return leaf(Shape::String),
            T::List(list) if list.ty() == T::U8 => return leaf(Shape::Bytes),
            T::List(list) => Shape::List(self.below(&list.ty(), below, &mut parts)?),
            T::Option(option) => Shape::Option(self.below(&option.ty(), below, &mut parts)?),
            T::Tuple(tuple) => {
                let mut items = Vec::new();
                for item in tuple.types() {
                    check_members("items of a tuple", items.len())?;
                    items.push(self.below(&item, below, &mut parts)?);
                }
                Shape::Tuple(items)
            }
            T::Record(record) => {
                let mut fields = Vec::new();
                for field in record.fields() {
                    check_members("fields of a record", fields.len())?;
                    check_name(field.name)?;
                    fields.push(Field {
                        wit: field.name.to_owned(),
                        name: lower_camel(field.name),
                        docs: String::new(),
                        of: self.below(&field.ty, below, &mut parts)?,
                    });
                }
                unique("fields of a record", fields.iter().map(|field| (&*field.wit, &*field.name)))?;
                Shape::Record(fields)
            }
            T::Variant(variant) => {
                let mut cases = Vec::new();
                for case in variant.cases() {
                    check_members("cases of a variant", cases.len())?;
                    let of = case.ty.map(|of| self.below(&of, below, &mut parts)).transpose()?;
                    cases.push(case_of(case.name, of)?);
                }
                unique("cases of a variant", cases.iter().map(|case| (&*case.wit, &*case.name)))?;
                Shape::Variant(cases)
            }
            T::Enum(names) => Shape::Enum(plain_cases("cases of an enum", names.names())?),
            T::Flags(names) => Shape::Flags(plain_cases("flags", names.names())?),
            T::Result(result) => {
                let ok = result.ok().map(|of| self.below(&of, below, &mut parts)).transpose()?;
                let err = result.err().map(|of| self.below(&of, below, &mut parts)).transpose()?;
                Shape::Result { cases: vec![case_of("ok", ok)?, case_of("err", err)?] }
            }
            T::Own(_) | T::Borrow(_) => return no_form("a resource"),
            T::Future(_) => return no_form("a future"),
            T::Stream(_) => return no_form("a stream"),
            T::ErrorContext => return no_form("an error-context"),
            T::Map(_) => return no_form("a map (use a list of tuples)"),
            T::FixedLengthList(_) => return no_form("a list of fixed length (use a plain list or a tuple)"),
        };
        Ok((shape, parts.around()))
    }

    fn below(
        &mut self,
        of: &component::Type,
        level: usize,
        parts: &mut Extent,
    ) -> Result<Arc<Type>, Problem> {
        let (built, own) = self.build_measured(of, level)?;
        parts.add(own);
        Ok(built)
    }
}

fn no_form<T>(what: &str) -> Result<T, Problem> {
    Err(Problem::NoForm(format!("it takes or returns {what}, which has no form outside of a component")))
}

fn plain_cases<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Result<Vec<Case>, Problem> {
    let mut cases = Vec::new();
    for name in names {
        check_members(what, cases.len())?;
        cases.push(case_of(name, None)?);
    }
    unique(what, cases.iter().map(|case: &Case| (&*case.wit, &*case.name)))?;
    Ok(cases)
}

fn case_of(name: &str, of: Option<Arc<Type>>) -> Result<Case> {
    check_name(name)?;
    Ok(Case { wit: name.to_owned(), name: lower_camel(name), docs: String::new(), of })
}

fn check_name(name: &str) -> Result<()> {
    ensure!(
        name.len() <= TYPED_NAME_BYTES_MAX,
        "the name `{}...` has {} bytes; at most {TYPED_NAME_BYTES_MAX} are served",
        name.chars().take(40).collect::<String>(),
        name.len()
    );
    Ok(())
}

fn check_members(what: &str, before: usize) -> Result<()> {
    ensure!(before < TYPED_MEMBERS_MAX, "there are more than {TYPED_MEMBERS_MAX} {what}");
    Ok(())
}

/// Refuses names that are different in WIT and the same after the mapping.
fn unique<'n>(what: &str, names: impl Iterator<Item = (&'n str, &'n str)>) -> Result<()> {
    let mut seen: HashMap<&str, &str> = HashMap::new();
    for (wit, name) in names {
        if let Some(other) = seen.insert(name, wit) {
            bail!("the {what} `{other}` and `{wit}` would both be called `{name}`; rename one of them");
        }
    }
    Ok(())
}
