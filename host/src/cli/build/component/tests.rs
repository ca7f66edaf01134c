use wasm_encoder::{
    CodeSection, ConstExpr, ExportKind, ExportSection, Function, FunctionSection, GlobalSection, GlobalType,
    Instruction, MemorySection, MemoryType, Module, TypeSection, ValType,
};
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::*;

const WIT: &str = "package test:plugin@1.0.0; interface counter { next: func() -> u32; } \
                   world plugin { export counter; }";

/// A module that exports a function `() -> result` under `export`, with the types of `WIT` as the bindings generator
/// would leave them.
fn module(export: &str, result: ValType, typed: bool) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], [result]);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut globals = GlobalSection::new();
    globals.global(
        GlobalType { val_type: ValType::I32, mutable: true, shared: false },
        &ConstExpr::i32_const(65_536),
    );
    let mut exports = ExportSection::new();
    exports.export(export, ExportKind::Func, 0);
    exports.export("memory", ExportKind::Memory, 0);
    let mut code = CodeSection::new();
    let mut body = Function::new([]);
    match result {
        ValType::I32 => body.instruction(&Instruction::I32Const(7)),
        _ => body.instruction(&Instruction::I64Const(7)),
    };
    body.instruction(&Instruction::End);
    code.function(&body);
    let mut module = Module::new();
    module
        .section(&types)
        .section(&functions)
        .section(&memories)
        .section(&globals)
        .section(&exports)
        .section(&code);
    let mut bytes = module.finish();
    if typed {
        let mut resolve = Resolve::default();
        let package = resolve.push_str("test.wit", WIT).unwrap();
        let world = resolve.select_world(&[package], Some("plugin")).unwrap();
        embed_component_metadata(&mut bytes, &resolve, world, StringEncoding::UTF8, false).unwrap();
    }
    bytes
}

/// What cargo leaves of a small plugin.
pub(in super::super) fn counter_module() -> Vec<u8> {
    module("test:plugin/counter@1.0.0#next", ValType::I32, true)
}

#[test]
fn a_module_with_its_types_becomes_a_component() {
    let component = encode(&counter_module()).unwrap();
    assert_eq!(component.get(..8).unwrap(), b"\0asm\x0d\0\x01\0");
    let description = describe(&component).unwrap();
    assert_eq!(description.exports, BTreeSet::from(["test:plugin/counter@1.0.0".to_owned()]));
    assert_eq!(description.to_string(), "exports test:plugin/counter@1.0.0; imports nothing");
}

#[test]
fn a_module_without_types_is_refused_because_it_exports_nothing() {
    let component = encode(&module("next", ValType::I32, false)).unwrap();
    let refusal = describe(&component).unwrap_err().to_string();
    assert!(refusal.contains("exports nothing") && refusal.contains("export macro"), "{refusal}");
}

#[test]
fn a_module_whose_code_is_not_of_its_types_is_refused() {
    let refusal = encode(&module("test:plugin/counter@1.0.0#next", ValType::I64, true)).unwrap_err();
    assert!(format!("{refusal:#}").contains("is no component"), "{refusal:#}");
    let missing = encode(&module("next", ValType::I32, true)).unwrap_err();
    assert!(format!("{missing:#}").contains("counter"), "{missing:#}");
}

#[test]
fn bytes_that_are_no_module_are_refused() {
    assert!(encode(b"").is_err());
    assert!(encode(b"not a module").is_err());
    assert!(describe(b"").is_err());
    assert!(describe(b"\0asm\x0d\0\x01\0\xff\xff").is_err());
}
