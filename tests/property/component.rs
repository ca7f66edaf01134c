//! A component for any WIT, made without a compiler.
//!
//! Owns core functions that are the identity in memory: whether arguments come as core values or, where they are more than
//! sixteen, as the address of a tuple (the canonical ABI of the component model), the tuple lies in memory afterwards, and its
//! address, or that of one of its parts, is the answer. So the host's lowering and lifting are met by every layout, and nothing
//! between them changes a value. Sizes, alignment and signatures are those of `wit-parser`, which the host does not use for calls.

use std::fmt::Write as _;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::abi::{AbiVariant, FlatTypes, WasmType};
use wit_parser::{
    FlagsRepr, Function, Int, ManglingAndAbi, Resolve, SizeAlign, Type, TypeDefKind, WasmExport,
    WasmExportKind, WorldItem, WorldKey,
};

use super::types::{Gives, Service};

/// Where arguments that came as core values are laid out as a tuple.
const TUPLE_AT: usize = 16;
/// Where the memory begins that `realloc` hands out.
const HEAP_AT: usize = 16 * 1024;
const NAMES: ManglingAndAbi = ManglingAndAbi::Standard32;

/// What the functions of a component do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Body {
    /// Give back what they are given.
    Identity,
    /// Trap: whoever is answered something else was answered without the plugin.
    Trap,
}

/// The component of a service.
pub(super) fn encode(service: &Service, body: Body) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let package = resolve
        .push_str("random.wit", &service.wit)
        .unwrap_or_else(|error| panic!("{error:?}\n{}", service.wit));
    let world = resolve.select_world(&[package], None).expect("one world");
    let mut sizes = SizeAlign::default();
    sizes.fill(&resolve).expect("sizes");
    let mut wat = String::from("(module\n");
    let mut push = |interface: Option<&WorldKey>, function: &Function| {
        let path = match interface {
            Some(WorldKey::Interface(id)) => {
                format!("{}/{}", resolve.interfaces[*id].name.as_deref().expect("a name"), function.name)
            }
            _ => function.name.clone(),
        };
        let known = service.functions.iter().find(|known| known.path == path).expect("the function is known");
        let export = WasmExport::Func { interface, func: function, kind: WasmExportKind::Normal };
        let name = resolve.wasm_export_name(NAMES, export);
        wat.push_str(&Core { resolve: &resolve, sizes: &sizes }.function(&name, function, known.gives, body));
    };
    for (key, item) in &resolve.worlds[world].exports {
        match item {
            WorldItem::Function(function) => push(None, function),
            WorldItem::Interface { id, .. } => {
                resolve.interfaces[*id].functions.values().for_each(|function| push(Some(key), function));
            }
            WorldItem::Type { .. } => {}
        }
    }
    let memory = resolve.wasm_export_name(NAMES, WasmExport::Memory);
    let realloc = resolve.wasm_export_name(NAMES, WasmExport::Realloc);
    let initialize = resolve.wasm_export_name(NAMES, WasmExport::Initialize);
    let _ = write!(
        wat,
        "(memory (export {memory:?}) 64)\n\
         (global $next (mut i32) (i32.const {HEAP_AT}))\n\
         (func (export {realloc:?}) (param $old i32) (param $length i32) (param $align i32) (param $wanted i32) (result i32)\n\
           (if (local.get $length) (then (unreachable)))\n\
           (global.set $next (i32.and (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))\n\
             (i32.sub (i32.const 0) (local.get $align))))\n\
           (global.get $next)\n\
           (global.set $next (i32.add (global.get $next) (local.get $wanted))))\n\
         (func (export {initialize:?})))"
    );
    let mut module = wat::parse_str(&wat).unwrap_or_else(|error| panic!("{error}\n{}\n{wat}", service.wit));
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).expect("metadata");
    let mut encoder = ComponentEncoder::default();
    let encoded = encoder.validate(true).module(&module).and_then(|encoder| encoder.encode());
    encoded.unwrap_or_else(|error| panic!("{error:?}\n{}\n{wat}", service.wit))
}

/// A core value: an expression and its type.
#[derive(Debug, Clone)]
struct Flat {
    text: String,
    of: WasmType,
}

struct Core<'r> {
    resolve: &'r Resolve,
    sizes: &'r SizeAlign,
}

impl Core<'_> {
    fn function(&self, name: &str, function: &Function, gives: Gives, body: Body) -> String {
        let signature = self.resolve.wasm_signature(AbiVariant::GuestExport, function);
        let mut out = format!("(func (export {name:?})");
        for (place, of) in signature.params.iter().enumerate() {
            let _ = write!(out, " (param $p{place} {})", core(*of));
        }
        for of in &signature.results {
            let _ = write!(out, " (result {})", core(*of));
        }
        if body == Body::Trap {
            out.push_str(" unreachable)\n");
            return out;
        }
        out.push_str(" (local $tuple i32)\n");
        let types: Vec<&Type> = function.params.iter().map(|param| &param.ty).collect();
        if signature.indirect_params {
            out.push_str("(local.set $tuple (local.get $p0))\n");
        } else {
            assert!(
                TUPLE_AT + self.sizes.params(types.iter().copied()).size.size_wasm32() < HEAP_AT,
                "a tuple of sixteen core values is small"
            );
            let _ = writeln!(out, "(local.set $tuple (i32.const {TUPLE_AT}))");
            let flats: Vec<Flat> = signature
                .params
                .iter()
                .enumerate()
                .map(|(place, of)| Flat { text: format!("(local.get $p{place})"), of: *of })
                .collect();
            self.store_fields(&types, 0, &flats, &mut out);
        }
        let offset = match gives {
            Gives::All | Gives::Recast => 0,
            Gives::One(place) => self.offsets(&types)[place],
        };
        let returns = function.result.expect("every function returns something");
        if signature.retptr {
            let _ = writeln!(out, "(i32.add (local.get $tuple) (i32.const {offset})))");
        } else {
            let _ = writeln!(out, "{})", self.load(&returns, offset));
        }
        out
    }

    fn offsets(&self, types: &[&Type]) -> Vec<usize> {
        let offsets = self.sizes.field_offsets(types.iter().copied());
        offsets.iter().map(|(offset, _)| offset.size_wasm32()).collect()
    }

    /// The core values of a type.
    fn flat(&self, of: &Type) -> Vec<WasmType> {
        let mut storage = [WasmType::I32; Resolve::MAX_FLAT_PARAMS];
        let mut flat = FlatTypes::new(&mut storage);
        assert!(self.resolve.push_flat(of, &mut flat), "what comes as core values has few of them");
        flat.to_vec()
    }

    fn store_fields(&self, types: &[&Type], at: usize, flats: &[Flat], out: &mut String) {
        let mut rest = flats;
        for (of, offset) in types.iter().zip(self.offsets(types)) {
            let (own, after) = rest.split_at(self.flat(of).len());
            self.store(of, at + offset, own, out);
            rest = after;
        }
    }

    /// Stores a value that came as core values at an offset from the tuple.
    fn store(&self, of: &Type, at: usize, flats: &[Flat], out: &mut String) {
        let mut plain = |instruction: &str, at: usize, flat: &Flat| {
            let _ = writeln!(out, "({instruction} offset={at} (local.get $tuple) {})", flat.text);
        };
        match of {
            Type::Bool | Type::U8 | Type::S8 => plain("i32.store8", at, &flats[0]),
            Type::U16 | Type::S16 => plain("i32.store16", at, &flats[0]),
            Type::U32 | Type::S32 | Type::Char => plain("i32.store", at, &flats[0]),
            Type::U64 | Type::S64 => plain("i64.store", at, &flats[0]),
            Type::F32 => plain("f32.store", at, &flats[0]),
            Type::F64 => plain("f64.store", at, &flats[0]),
            Type::String => {
                plain("i32.store", at, &flats[0]);
                plain("i32.store", at + 4, &flats[1]);
            }
            Type::ErrorContext => unreachable!("not generated"),
            Type::Id(id) => match &self.resolve.types[*id].kind {
                TypeDefKind::Type(of) => self.store(of, at, flats, out),
                TypeDefKind::List(_) => self.store(&Type::String, at, flats, out),
                TypeDefKind::Record(record) => {
                    let types: Vec<&Type> = record.fields.iter().map(|field| &field.ty).collect();
                    self.store_fields(&types, at, flats, out);
                }
                TypeDefKind::Tuple(tuple) => {
                    let types: Vec<&Type> = tuple.types.iter().collect();
                    self.store_fields(&types, at, flats, out);
                }
                TypeDefKind::Flags(flags) => match flags.repr() {
                    FlagsRepr::U8 => plain("i32.store8", at, &flats[0]),
                    FlagsRepr::U16 => plain("i32.store16", at, &flats[0]),
                    FlagsRepr::U32(words) => {
                        (0..words).for_each(|word| plain("i32.store", at + 4 * word, &flats[word]));
                    }
                },
                TypeDefKind::Enum(names) => plain(stored(names.tag()), at, &flats[0]),
                TypeDefKind::Variant(variant) => {
                    let cases: Vec<Option<&Type>> =
                        variant.cases.iter().map(|case| case.ty.as_ref()).collect();
                    self.store_case(variant.tag(), &cases, at, flats, out);
                }
                TypeDefKind::Option(of) => self.store_case(Int::U8, &[None, Some(of)], at, flats, out),
                TypeDefKind::Result(result) => {
                    self.store_case(Int::U8, &[result.ok.as_ref(), result.err.as_ref()], at, flats, out);
                }
                other => unreachable!("not generated: {other:?}"),
            },
        }
    }

    fn store_case(&self, tag: Int, cases: &[Option<&Type>], at: usize, flats: &[Flat], out: &mut String) {
        let (which, payload) = flats.split_first().expect("a case has a number");
        let _ = writeln!(out, "({} offset={at} (local.get $tuple) {})", stored(tag), which.text);
        let inside = at + self.sizes.payload_offset(tag, cases.iter().copied()).size_wasm32();
        for (number, of) in cases.iter().enumerate() {
            let Some(of) = of else { continue };
            let own: Vec<Flat> = self
                .flat(of)
                .into_iter()
                .zip(payload)
                .map(|(wanted, flat)| converted(flat, wanted))
                .collect();
            let _ = writeln!(out, "(if (i32.eq {} (i32.const {number})) (then", which.text);
            self.store(of, inside, &own, out);
            out.push_str("))\n");
        }
    }

    /// Loads a value that is one core value.
    fn load(&self, of: &Type, at: usize) -> String {
        let plain = |instruction: &str| format!("({instruction} offset={at} (local.get $tuple))");
        match of {
            Type::Bool | Type::U8 => plain("i32.load8_u"),
            Type::S8 => plain("i32.load8_s"),
            Type::U16 => plain("i32.load16_u"),
            Type::S16 => plain("i32.load16_s"),
            Type::U32 | Type::S32 | Type::Char => plain("i32.load"),
            Type::U64 | Type::S64 => plain("i64.load"),
            Type::F32 => plain("f32.load"),
            Type::F64 => plain("f64.load"),
            Type::String | Type::ErrorContext => unreachable!("these are more than one core value"),
            Type::Id(id) => match &self.resolve.types[*id].kind {
                TypeDefKind::Type(of) => self.load(of, at),
                // The only field.
                TypeDefKind::Record(record) => self.load(&record.fields[0].ty, at),
                TypeDefKind::Tuple(tuple) => self.load(&tuple.types[0], at),
                TypeDefKind::Flags(flags) => match flags.repr() {
                    FlagsRepr::U8 => plain("i32.load8_u"),
                    FlagsRepr::U16 => plain("i32.load16_u"),
                    FlagsRepr::U32(_) => plain("i32.load"),
                },
                // No case carries anything.
                TypeDefKind::Enum(names) => plain(loaded(names.tag())),
                TypeDefKind::Variant(variant) => plain(loaded(variant.tag())),
                TypeDefKind::Result(_) => plain("i32.load8_u"),
                other => unreachable!("more than one core value, or not generated: {other:?}"),
            },
        }
    }
}

/// A core value of a variant as the case at hand has it: they share places of the wider type.
fn converted(flat: &Flat, wanted: WasmType) -> Flat {
    let text = &flat.text;
    let text = match (core(flat.of), core(wanted)) {
        (from, to) if from == to => text.clone(),
        ("i64", "i32") => format!("(i32.wrap_i64 {text})"),
        ("i32", "f32") => format!("(f32.reinterpret_i32 {text})"),
        ("i64", "f32") => format!("(f32.reinterpret_i32 (i32.wrap_i64 {text}))"),
        ("i64", "f64") => format!("(f64.reinterpret_i64 {text})"),
        other => unreachable!("no such pair in the canonical ABI: {other:?}"),
    };
    Flat { text, of: wanted }
}

fn core(of: WasmType) -> &'static str {
    match of {
        WasmType::I32 | WasmType::Pointer | WasmType::Length => "i32",
        WasmType::I64 | WasmType::PointerOrI64 => "i64",
        WasmType::F32 => "f32",
        WasmType::F64 => "f64",
    }
}

fn stored(tag: Int) -> &'static str {
    match tag {
        Int::U8 => "i32.store8",
        Int::U16 => "i32.store16",
        Int::U32 | Int::U64 => "i32.store",
    }
}

fn loaded(tag: Int) -> &'static str {
    match tag {
        Int::U8 => "i32.load8_u",
        Int::U16 => "i32.load16_u",
        Int::U32 | Int::U64 => "i32.load",
    }
}
