//! Doc comments, and the WIT text they come from.
//!
//! Owns reading that text: bounded before it is parsed, and checked against the component's types, because a contract that
//! describes something else is worse than one without descriptions. Refuses to decide anything about types: the component does.
//!
//! Doc comments do not survive in a component, so `guesthouse build` embeds the text in a custom section, and for a component
//! made by other tools it lies beside it as a `.wit`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use wit_parser::{
    AstItem, Function, PackageName, Resolve, Type, TypeDefKind, TypeId, UnresolvedPackageGroup, WorldItem,
};

use super::model;
use crate::limits::{TYPED_DOCS_BYTES_MAX, TYPED_TEXT_BYTES_MAX, TYPED_TEXT_DEPTH_MAX};

/// The doc comments of a service, by the names of WIT.
#[derive(Debug, Default)]
pub struct Documentation {
    resolve: Option<Resolve>,
    /// The ids of interfaces and their places in `resolve`.
    interfaces: HashMap<String, wit_parser::InterfaceId>,
}

/// The doc comments of one type.
#[derive(Debug, Default, Clone, Copy)]
pub struct TypeDocs<'a>(Option<&'a wit_parser::TypeDef>);

impl Documentation {
    /// Reads a WIT text: one package, with the packages whose types it uses nested in it.
    ///
    /// # Errors
    /// When it is over its limits or is not WIT, with line and column.
    pub fn parse(file: &str, text: &str) -> Result<Self> {
        ensure!(
            text.len() <= TYPED_TEXT_BYTES_MAX,
            "{file} has {} bytes; at most {TYPED_TEXT_BYTES_MAX} are read",
            text.len()
        );
        check_depth(text).with_context(|| file.to_owned())?;
        let resolve = resolve(file, text)?;
        let interfaces =
            resolve.interfaces.iter().filter_map(|(place, _)| Some((resolve.id_of(place)?, place))).collect();
        Ok(Self { resolve: Some(resolve), interfaces })
    }

    /// Whether there is a text at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.resolve.is_none()
    }

    /// The doc comment of an interface; empty without one.
    #[must_use]
    pub fn interface(&self, id: &str) -> &str {
        self.find(id).map_or("", |interface| docs(&interface.docs))
    }

    /// The doc comment of a function; empty without one. The interface of a world-level function is empty.
    #[must_use]
    pub fn function(&self, interface: &str, name: &str) -> &str {
        self.find_function(interface, name).map_or("", |function| docs(&function.docs))
    }

    /// The doc comments of a type.
    #[must_use]
    pub fn of_type(&self, interface: &str, name: &str) -> TypeDocs<'_> {
        let find = || {
            let resolve = self.resolve.as_ref()?;
            let mut place = *self.find(interface)?.types.get(name)?;
            // A type that is used from elsewhere, or renamed, is described where it is defined.
            while let TypeDefKind::Type(Type::Id(further)) = resolve.types.get(place)?.kind {
                place = further;
            }
            resolve.types.get(place)
        };
        TypeDocs(find())
    }

    /// Checks that the text describes these functions with these types.
    ///
    /// # Errors
    /// The first difference, by name.
    pub fn check(&self, file: &str, service: &model::Service) -> Result<()> {
        let Some(resolve) = &self.resolve else { return Ok(()) };
        for function in &service.functions {
            let interface = function
                .interface
                .and_then(|place| service.interfaces.get(place))
                .map_or("", |interface| interface.id.as_str());
            let at = || {
                if interface.is_empty() {
                    format!("{file}: `{}`", function.wit)
                } else {
                    format!("{file}: `{interface}#{}`", function.wit)
                }
            };
            let Some(described) = self.find_function(interface, &function.wit) else {
                bail!("{} is exported by the component and not in the text: is it of another version?", at());
            };
            compare_function(resolve, described, function).with_context(at)?;
        }
        Ok(())
    }

    fn find(&self, id: &str) -> Option<&wit_parser::Interface> {
        self.resolve.as_ref()?.interfaces.get(*self.interfaces.get(id)?)
    }

    fn find_function(&self, interface: &str, name: &str) -> Option<&Function> {
        if !interface.is_empty() {
            return self.find(interface)?.functions.get(name);
        }
        let worlds = self.resolve.as_ref()?.worlds.iter();
        worlds
            .flat_map(|(_, world)| world.exports.values())
            .filter_map(|item| match item {
                WorldItem::Function(function) => Some(function),
                _ => None,
            })
            .find(|function| function.name == name)
    }
}

impl<'a> TypeDocs<'a> {
    /// The type's own; empty without one.
    #[must_use]
    pub fn docs(self) -> &'a str {
        self.0.map_or("", |of| docs(&of.docs))
    }

    /// That of a field, case or flag; empty without one.
    #[must_use]
    pub fn member(self, name: &str) -> &'a str {
        let find = |of: &'a wit_parser::TypeDef| {
            Some(docs(match &of.kind {
                TypeDefKind::Record(record) => &record.fields.iter().find(|field| field.name == name)?.docs,
                TypeDefKind::Variant(variant) => &variant.cases.iter().find(|case| case.name == name)?.docs,
                TypeDefKind::Enum(names) => &names.cases.iter().find(|case| case.name == name)?.docs,
                TypeDefKind::Flags(flags) => &flags.flags.iter().find(|flag| flag.name == name)?.docs,
                _ => return None,
            }))
        };
        self.0.and_then(find).unwrap_or_default()
    }
}

fn docs(docs: &wit_parser::Docs) -> &str {
    let text = docs.contents.as_deref().unwrap_or_default().trim();
    let mut end = text.len().min(TYPED_DOCS_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default()
}

/// Refuses a text whose brackets nest so deep that its parser, which recurses, could run out of stack. What stands in comments
/// does not count, but comments in one another do.
fn check_depth(text: &str) -> Result<()> {
    let (mut depth, mut comments, mut line) = (0_usize, 0_usize, 1_usize);
    let mut bytes = text.bytes().peekable();
    let mut before = b' ';
    while let Some(byte) = bytes.next() {
        match (byte, bytes.peek()) {
            (b'\n', _) => line = line.saturating_add(1),
            (b'/', Some(b'*')) => {
                bytes.next();
                comments = comments.saturating_add(1);
            }
            (b'*', Some(b'/')) if comments > 0 => {
                bytes.next();
                comments = comments.saturating_sub(1);
            }
            _ if comments > 0 => {}
            (b'/', Some(b'/')) => {
                while bytes.peek().is_some_and(|byte| *byte != b'\n') {
                    bytes.next();
                }
            }
            (b'<' | b'(' | b'{' | b'[', _) => depth = depth.saturating_add(1),
            (b'>', _) if before == b'-' => {}
            (b'>' | b')' | b'}' | b']', _) => depth = depth.saturating_sub(1),
            _ => {}
        }
        ensure!(
            depth.max(comments) <= TYPED_TEXT_DEPTH_MAX,
            "line {line}: brackets nest more than {TYPED_TEXT_DEPTH_MAX} deep"
        );
        before = byte;
    }
    Ok(())
}

/// Parses on a thread of its own: the parser recurses along chains of types, whose length only the length of the text bounds,
/// and what it does not expect is an error here and not the end of the host.
fn resolve(file: &str, text: &str) -> Result<Resolve> {
    let (name, source) = (file.to_owned(), text.to_owned());
    let parse = move || {
        let mut resolve = Resolve::default();
        for package in missing_packages(&name, &source) {
            resolve.push_str(Path::new(&name), &package)?;
        }
        resolve.push_str(Path::new(&name), &source)?;
        anyhow::Ok(resolve)
    };
    std::thread::Builder::new()
        .name("wit".to_owned())
        .stack_size(PARSER_STACK_BYTES)
        .spawn(parse)
        .context("the thread that reads it cannot be started")?
        .join()
        .map_err(|_| anyhow!("{file} breaks the reader of WIT; simplify it"))?
        .map_err(|error| anyhow!("{file} is not WIT that can be read: {error:#}"))
}

/// The packages that a text only names, as packages with nothing in them. The world of a component names what it imports, and
/// tools keep those packages in files of their own, so that the text that lies at hand has none of them; for doc comments they do
/// not matter. A package whose types are used is not among them: what it says is needed, and its absence is an error.
fn missing_packages(file: &str, text: &str) -> Vec<String> {
    // What cannot be parsed is told when it is parsed for good.
    let Ok(group) = UnresolvedPackageGroup::parse(file, text) else { return Vec::new() };
    let present: HashSet<&PackageName> =
        std::iter::once(&group.main).chain(&group.nested).map(|package| &package.name).collect();
    let mut missing: BTreeMap<&PackageName, Option<BTreeSet<String>>> = BTreeMap::new();
    for package in std::iter::once(&group.main).chain(&group.nested) {
        for (name, items) in package.foreign_deps.iter().filter(|(name, _)| !present.contains(name)) {
            let named = missing.entry(name).or_insert_with(|| Some(BTreeSet::new()));
            for (item, (place, _)) in items {
                let declared = match place {
                    AstItem::World(_) => Some(format!("world %{item} {{}}")),
                    AstItem::Interface(place) => package
                        .interfaces
                        .get(*place)
                        .filter(|interface| interface.types.is_empty())
                        .map(|_| format!("interface %{item} {{}}")),
                };
                match (named.as_mut(), declared) {
                    (Some(named), Some(declared)) => drop(named.insert(declared)),
                    _ => *named = None,
                }
            }
        }
    }
    let content = |(name, named): (&PackageName, Option<BTreeSet<String>>)| {
        Some(format!("package {name};\n{}", Vec::from_iter(named?).join("\n")))
    };
    missing.into_iter().filter_map(content).collect()
}

/// For a chain of as many types as a text can hold, a kilobyte each.
const PARSER_STACK_BYTES: usize = 64 * 1024 * 1024;

fn compare_function(resolve: &Resolve, described: &Function, function: &model::Function) -> Result<()> {
    ensure!(
        described.params.len() == function.parameters.len(),
        "it has {} parameters in the component and {} in the text",
        function.parameters.len(),
        described.params.len()
    );
    for (param, parameter) in described.params.iter().zip(&function.parameters) {
        ensure!(
            param.name == parameter.wit,
            "a parameter is `{}` in the component and `{}` in the text",
            parameter.wit,
            param.name
        );
        same(resolve, &param.ty, &parameter.of)
            .with_context(|| format!("the parameter `{}`", parameter.wit))?;
    }
    let returns = &function.returns;
    let differs = || anyhow!("it returns something else in the component than in the text");
    match described.result {
        None => ensure!(!returns.fallible && returns.ok.is_none(), differs()),
        Some(result) => match (returns.fallible, resolved(resolve, &result)) {
            (true, Some(TypeDefKind::Result(result))) => {
                same_option(resolve, result.ok.as_ref(), returns.ok.as_deref()).context("the result")?;
                same_option(resolve, result.err.as_ref(), returns.error.as_deref()).context("the error")?;
            }
            (true, _) => return Err(differs()),
            (false, _) => {
                same_option(resolve, Some(&result), returns.ok.as_deref()).context("the result")?;
            }
        },
    }
    Ok(())
}

fn same_option(resolve: &Resolve, described: Option<&Type>, of: Option<&model::Type>) -> Result<()> {
    match (described, of) {
        (None, None) => Ok(()),
        (Some(described), Some(of)) => same(resolve, described, of),
        _ => bail!("is there in one of component and text, and not in the other"),
    }
}

/// What a type is, aliases followed; none for a primitive one.
fn resolved<'a>(resolve: &'a Resolve, described: &Type) -> Option<&'a TypeDefKind> {
    let mut place: TypeId = match described {
        Type::Id(place) => *place,
        _ => return None,
    };
    loop {
        match &resolve.types.get(place)?.kind {
            TypeDefKind::Type(Type::Id(further)) => place = *further,
            TypeDefKind::Type(_) => return None,
            kind => return Some(kind),
        }
    }
}

/// The primitive type that an alias stands for, or that it is.
fn primitive(resolve: &Resolve, described: &Type) -> Option<Type> {
    let mut described = *described;
    while let Type::Id(place) = described {
        match resolve.types.get(place)?.kind {
            TypeDefKind::Type(further) => described = further,
            _ => return None,
        }
    }
    Some(described)
}

/// Compares by structure. The model nests no deeper than its limit, so the recursion ends.
fn same(resolve: &Resolve, described: &Type, of: &model::Type) -> Result<()> {
    use model::{Integer, Shape};
    let differs = || anyhow!("is of another type in the component than in the text");
    if let Some(primitive) = primitive(resolve, described) {
        let equal = match (&of.shape, primitive) {
            (Shape::Bool, Type::Bool)
            | (Shape::Float32, Type::F32)
            | (Shape::Float64, Type::F64)
            | (Shape::Char, Type::Char)
            | (Shape::String, Type::String) => true,
            (Shape::Integer(integer), primitive) => matches!(
                (integer, primitive),
                (Integer::S8, Type::S8)
                    | (Integer::U8, Type::U8)
                    | (Integer::S16, Type::S16)
                    | (Integer::U16, Type::U16)
                    | (Integer::S32, Type::S32)
                    | (Integer::U32, Type::U32)
                    | (Integer::S64, Type::S64)
                    | (Integer::U64, Type::U64)
            ),
            _ => false,
        };
        ensure!(equal, differs());
        return Ok(());
    }
    match (&of.shape, resolved(resolve, described).ok_or_else(differs)?) {
        (Shape::Bytes, TypeDefKind::List(item)) => {
            ensure!(primitive(resolve, item) == Some(Type::U8), differs());
            Ok(())
        }
        (Shape::List(of), TypeDefKind::List(item)) => same(resolve, item, of),
        (Shape::Option(of), TypeDefKind::Option(item)) => same(resolve, item, of),
        (Shape::Tuple(items), TypeDefKind::Tuple(tuple)) => {
            ensure!(items.len() == tuple.types.len(), differs());
            items.iter().zip(&tuple.types).try_for_each(|(of, item)| same(resolve, item, of))
        }
        (Shape::Record(fields), TypeDefKind::Record(record)) => {
            names("fields", fields.iter().map(|f| &f.wit), record.fields.iter().map(|f| &f.name))?;
            fields.iter().zip(&record.fields).try_for_each(|(field, item)| {
                same(resolve, &item.ty, &field.of).with_context(|| format!("the field `{}`", field.wit))
            })
        }
        (Shape::Variant(cases), TypeDefKind::Variant(variant)) => {
            names("cases", cases.iter().map(|c| &c.wit), variant.cases.iter().map(|c| &c.name))?;
            cases.iter().zip(&variant.cases).try_for_each(|(case, item)| {
                same_option(resolve, item.ty.as_ref(), case.of.as_deref())
                    .with_context(|| format!("the case `{}`", case.wit))
            })
        }
        (Shape::Enum(cases), TypeDefKind::Enum(item)) => {
            names("cases", cases.iter().map(|c| &c.wit), item.cases.iter().map(|c| &c.name))
        }
        (Shape::Flags(cases), TypeDefKind::Flags(item)) => {
            names("flags", cases.iter().map(|c| &c.wit), item.flags.iter().map(|c| &c.name))
        }
        (Shape::Result { cases }, TypeDefKind::Result(result)) => cases
            .iter()
            .zip([&result.ok, &result.err])
            .try_for_each(|(case, item)| same_option(resolve, item.as_ref(), case.of.as_deref())),
        _ => Err(differs()),
    }
}

fn names<'n>(
    what: &str,
    component: impl Iterator<Item = &'n String>,
    text: impl Iterator<Item = &'n String>,
) -> Result<()> {
    let (component, text): (Vec<_>, Vec<_>) = (component.collect(), text.collect());
    ensure!(component == text, "has the {what} {component:?} in the component and {text:?} in the text");
    Ok(())
}
