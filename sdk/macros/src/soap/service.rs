//! The attribute `soap`. On an impl block of functions it makes a typed service; on an `impl Handler for` it exports what
//! is there.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::parse::Parser as _;
use syn::spanned::Spanned as _;
use syn::{
    Attribute, FnArg, GenericArgument, ImplItem, ImplItemFn, ItemImpl, LitStr, Meta, Pat, PathArguments,
    ReturnType, Type,
};

use super::names;

/// What the attribute itself says.
#[derive(Default)]
struct Settings {
    namespace: Option<LitStr>,
    service: Option<String>,
    pure: bool,
}

fn settings(arguments: TokenStream) -> syn::Result<Settings> {
    let mut settings = Settings::default();
    let parser = syn::meta::parser(|meta| {
        if meta.path.is_ident("namespace") {
            let literal: LitStr = meta.value()?.parse()?;
            if literal.value().trim().is_empty() {
                return Err(syn::Error::new(literal.span(), "the namespace is a URI, and not empty"));
            }
            settings.namespace = Some(literal);
        } else if meta.path.is_ident("service") {
            settings.service = Some(names::chosen(&meta)?);
        } else if meta.path.is_ident("pure") {
            settings.pure = true;
        } else {
            return Err(
                meta.error("unknown; there are `namespace = \"...\"`, `service = \"...\"` and `pure`")
            );
        }
        Ok(())
    });
    parser.parse2(arguments)?;
    Ok(settings)
}

/// One operation, as the author wrote it.
struct Operation {
    ident: Ident,
    name: String,
    documentation: String,
    /// The element of the response that holds the result; without it the result's fields are the elements.
    returns: Option<String>,
    /// Whether nothing is answered.
    one_way: bool,
    parameters: Vec<Parameter>,
    output: Type,
    fault: Type,
    /// Whether the function gives a `Result`.
    fails: bool,
}

struct Parameter {
    ident: Ident,
    kind: Type,
    name: String,
    documentation: String,
}

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let settings = settings(arguments)?;
    let mut block: ItemImpl = syn::parse2(item)?;
    if !block.generics.params.is_empty() {
        return Err(syn::Error::new(
            block.generics.span(),
            "a plugin is exported once, so its type has no parameters",
        ));
    }
    let owner = (*block.self_ty).clone();
    let export = export(&owner, settings.pure);
    if block.trait_.is_some() {
        if settings.namespace.is_some() || settings.service.is_some() {
            let text = "`namespace` and `service` are for a block of typed functions; a `Handler` says them in its WSDL";
            return Err(syn::Error::new(block.span(), text));
        }
        return Ok(quote! { #block #export });
    }
    let Some(namespace) = settings.namespace else {
        let text = "a service needs its namespace: #[soap(namespace = \"urn:...\", service = \"...\")]";
        return Err(syn::Error::new(block.self_ty.span(), text));
    };
    let service = match (settings.service, &owner) {
        (Some(service), _) => service,
        (None, Type::Path(path)) if path.path.get_ident().is_some() => {
            path.path.get_ident().map(names::pascal).unwrap_or_default()
        }
        (None, other) => {
            return Err(syn::Error::new(other.span(), "a service needs its name: `service = \"...\"`"));
        }
    };
    let mut operations = Vec::new();
    for item in &mut block.items {
        if let ImplItem::Fn(function) = item {
            let marks = take(&mut function.attrs, "operation");
            if !marks.is_empty() {
                operations.push(operation(function, &marks)?);
            }
        }
    }
    if operations.is_empty() {
        let text = "a service needs an operation: put #[operation] on the functions that clients may call";
        return Err(syn::Error::new(block.self_ty.span(), text));
    }
    names::distinct(operations.iter().map(|operation| (&operation.name, operation.ident.span())))?;
    let documentation = names::documentation(&block.attrs);
    let table = operations.iter().map(|operation| entry(&owner, operation));
    Ok(quote! {
        #block

        #[automatically_derived]
        impl ::guesthouse_sdk::soap::Service for #owner {
            const NAMESPACE: &'static str = #namespace;
            const NAME: &'static str = #service;
            const DOCUMENTATION: &'static str = #documentation;
            const OPERATIONS: &'static [::guesthouse_sdk::soap::Operation] = &[#(#table),*];
        }

        #[automatically_derived]
        impl ::guesthouse_sdk::soap::Handler for #owner {
            fn handle(
                __call: ::guesthouse_sdk::soap::Call,
            ) -> ::core::result::Result<::guesthouse_sdk::soap::Reply, ::guesthouse_sdk::soap::Fault> {
                ::guesthouse_sdk::soap::service::handle::<Self>(&__call)
            }

            fn describe() -> ::guesthouse_sdk::soap::Description {
                ::guesthouse_sdk::soap::service::describe::<Self>()
            }

            fn wsdl(__address: &str) -> ::std::string::String {
                ::guesthouse_sdk::soap::wsdl::<Self>(__address)
            }
        }

        #export
    })
}

/// The export: a type of its own, so that the author's type stays free of the component's glue.
fn export(owner: &Type, pure: bool) -> TokenStream {
    let enter = if pure { quote!() } else { quote!(::guesthouse_sdk::panic::install();) };
    quote! {
        const _: () = {
            struct __Export;

            impl ::guesthouse_sdk::bindings::soap::Guest for __Export {
                fn handle(
                    call: ::guesthouse_sdk::soap::Call,
                ) -> ::core::result::Result<::guesthouse_sdk::soap::Reply, ::guesthouse_sdk::soap::FaultParts> {
                    #enter
                    <#owner as ::guesthouse_sdk::soap::Handler>::handle(call).map_err(::core::convert::Into::into)
                }

                fn describe() -> ::guesthouse_sdk::soap::Description {
                    #enter
                    <#owner as ::guesthouse_sdk::soap::Handler>::describe()
                }

                fn wsdl(address: ::std::string::String) -> ::std::string::String {
                    #enter
                    <#owner as ::guesthouse_sdk::soap::Handler>::wsdl(&address)
                }
            }

            ::guesthouse_sdk::bindings::soap::export_soap!(__Export);
        };
    }
}

/// Removes the attributes of that name and gives them.
fn take(attributes: &mut Vec<Attribute>, name: &str) -> Vec<Attribute> {
    attributes.extract_if(.., |attribute| attribute.path().is_ident(name)).collect()
}

fn operation(function: &mut ImplItemFn, marks: &[Attribute]) -> syn::Result<Operation> {
    let signature = &mut function.sig;
    if let Some(receiver) = signature.receiver() {
        let text = "an operation takes no `self`: each call has an instance of its own, and what lasts is in the store";
        return Err(syn::Error::new(receiver.span(), text));
    }
    if !signature.generics.params.is_empty() || signature.asyncness.is_some() {
        return Err(syn::Error::new(
            signature.span(),
            "an operation is a plain function: not generic, not async",
        ));
    }
    let (mut name, mut returns, mut one_way) = (None, None, false);
    for attribute in marks.iter().filter(|mark| !matches!(mark.meta, Meta::Path(_))) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("name") {
                name = Some(names::chosen(&meta)?);
            } else if meta.path.is_ident("returns") {
                returns = Some(names::chosen(&meta)?);
            } else if meta.path.is_ident("one_way") {
                one_way = true;
            } else {
                return Err(
                    meta.error("unknown; there are `name = \"...\"`, `returns = \"...\"` and `one_way`")
                );
            }
            Ok(())
        })?;
    }
    if one_way && returns.is_some() {
        let text = "a one-way operation answers nothing, so there is no element to name with `returns`";
        return Err(syn::Error::new(signature.ident.span(), text));
    }
    let mut parameters = Vec::new();
    for input in &mut signature.inputs {
        if let FnArg::Typed(input) = input {
            let attributes = take(&mut input.attrs, "xml");
            let documentation = names::documentation(&take(&mut input.attrs, "doc"));
            let Pat::Ident(pattern) = &*input.pat else {
                return Err(syn::Error::new(
                    input.pat.span(),
                    "a parameter needs a name, for it becomes an element",
                ));
            };
            let name = names::xml_name(&attributes)?.unwrap_or_else(|| names::camel(&pattern.ident));
            let (ident, kind) = (pattern.ident.clone(), (*input.ty).clone());
            parameters.push(Parameter { ident, kind, name, documentation });
        }
    }
    names::distinct(parameters.iter().map(|parameter| (&parameter.name, parameter.ident.span())))?;
    let (output, fault, fails) = outcome(&signature.output)?;
    Ok(Operation {
        name: name.unwrap_or_else(|| names::pascal(&signature.ident)),
        ident: signature.ident.clone(),
        documentation: names::documentation(&function.attrs),
        returns,
        one_way,
        parameters,
        output,
        fault,
        fails,
    })
}

/// Takes `Result<T, F>` apart; any other type is one that an operation gives without failing.
fn outcome(output: &ReturnType) -> syn::Result<(Type, Type, bool)> {
    let never: Type = syn::parse_quote!(::core::convert::Infallible);
    let ReturnType::Type(_, kind) = output else {
        return Ok((syn::parse_quote!(()), never, false));
    };
    let result = match &**kind {
        Type::Path(path) => path.path.segments.last().filter(|segment| segment.ident == "Result"),
        _ => None,
    };
    let Some(result) = result else {
        return Ok(((**kind).clone(), never, false));
    };
    let types: Vec<&Type> = match &result.arguments {
        PathArguments::AngleBracketed(arguments) => arguments
            .args
            .iter()
            .filter_map(|argument| if let GenericArgument::Type(kind) = argument { Some(kind) } else { None })
            .collect(),
        _ => Vec::new(),
    };
    match types.as_slice() {
        [value, fault] => Ok(((*value).clone(), (*fault).clone(), true)),
        _ => Err(syn::Error::new(
            result.span(),
            "write both types, `Result<Value, Fault>`: the WSDL needs to know them",
        )),
    }
}

/// The operation's entry in the table.
fn entry(owner: &Type, operation: &Operation) -> TokenStream {
    let Operation { ident, name, documentation, returns, one_way, parameters, output, fault, fails } =
        operation;
    let kinds: Vec<&Type> = parameters.iter().map(|parameter| &parameter.kind).collect();
    let wire: Vec<&String> = parameters.iter().map(|parameter| &parameter.name).collect();
    let documented = parameters.iter().map(|parameter| &parameter.documentation);
    let idents: Vec<&Ident> = parameters.iter().map(|parameter| &parameter.ident).collect();
    let declared = output.span();
    let response = match returns {
        Some(element) => quote_spanned! { declared=>
            <#output as ::guesthouse_sdk::soap::XmlField>::declare(#element, "", __schema)
        },
        None => {
            quote_spanned! { declared=> <#output as ::guesthouse_sdk::soap::XmlSequence>::declare(__schema) }
        }
    };
    let result = match fails {
        true => quote! { <#owner>::#ident(#(#idents),*) },
        false => quote! { ::core::result::Result::Ok::<#output, #fault>(<#owner>::#ident(#(#idents),*)) },
    };
    let answer = match returns {
        _ if *one_way => quote! {
            ::guesthouse_sdk::soap::service::answer_nothing::<#owner, #fault>(#result)
        },
        Some(element) => quote! {
            ::guesthouse_sdk::soap::service::answer_element::<#owner, #output, #fault>(#name, #element, #result)
        },
        None => quote! {
            ::guesthouse_sdk::soap::service::answer_fields::<#owner, #output, #fault>(#name, #result)
        },
    };
    quote! {
        ::guesthouse_sdk::soap::Operation {
            name: #name,
            documentation: #documentation,
            one_way: #one_way,
            request: |__schema| {
                let mut __out = ::std::string::String::new();
                let _ = (&mut __out, &mut *__schema);
                #(__out.push_str(
                    &<#kinds as ::guesthouse_sdk::soap::XmlField>::declare(#wire, #documented, __schema),
                );)*
                __out
            },
            response: |__schema| #response,
            faults: |__schema| <#fault as ::guesthouse_sdk::soap::SoapFault>::declarations(__schema),
            call: |__element| {
                let (#(#idents,)*) = ::guesthouse_sdk::soap::service::arguments(__element, |__fields| {
                    let _ = &__fields;
                    ::core::result::Result::Ok((#(__fields.take::<#kinds>(#wire)?,)*))
                })?;
                #answer
            },
        }
    }
}
