//! The derive `SoapFault`: each variant of an enum is a fault, with its fields as the elements of the detail.

use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned as _;
use syn::{Data, DeriveInput, Fields, LitStr, Variant};

use super::{names, value};

/// What `#[fault(...)]` says of a variant.
#[derive(Default)]
struct Settings {
    receiver: bool,
    transparent: bool,
    reason: Option<LitStr>,
    name: Option<String>,
}

fn settings(variant: &Variant) -> syn::Result<Settings> {
    let mut settings = Settings::default();
    for attribute in variant.attrs.iter().filter(|attribute| attribute.path().is_ident("fault")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("sender") {
                settings.receiver = false;
            } else if meta.path.is_ident("receiver") {
                settings.receiver = true;
            } else if meta.path.is_ident("transparent") {
                settings.transparent = true;
            } else if meta.path.is_ident("reason") {
                settings.reason = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("name") {
                settings.name = Some(names::chosen(&meta)?);
            } else {
                let text = "unknown; there are `sender`, `receiver`, `reason = \"...\"`, `name = \"...\"`, `transparent`";
                return Err(meta.error(text));
            }
            Ok(())
        })?;
    }
    Ok(settings)
}

pub(crate) fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(syn::Error::new(input.ident.span(), "faults are the variants of an enum"));
    };
    if !input.generics.params.is_empty() {
        return Err(syn::Error::new(input.generics.span(), "a fault has no parameters"));
    }
    let owner = &input.ident;
    let (mut declares, mut arms, mut conversions) = (Vec::new(), Vec::new(), Vec::new());
    let mut taken = Vec::new();
    for variant in &data.variants {
        let settings = settings(variant)?;
        let ident = &variant.ident;
        if settings.transparent {
            let inner = match &variant.fields {
                Fields::Unnamed(fields) if fields.unnamed.len() == 1 => fields.unnamed.first(),
                _ => None,
            };
            let Some(inner) = inner.map(|field| &field.ty) else {
                return Err(syn::Error::new(
                    ident.span(),
                    "a transparent variant holds one other fault: `Name(Type)`",
                ));
            };
            declares.push(quote! {
                __declared.extend(<#inner as ::guesthouse_sdk::soap::SoapFault>::declarations(__schema));
            });
            arms.push(quote! {
                Self::#ident(__inner) => ::guesthouse_sdk::soap::SoapFault::into_fault(__inner, __namespace),
            });
            conversions.push(quote! {
                #[automatically_derived]
                impl ::core::convert::From<#inner> for #owner {
                    fn from(__inner: #inner) -> Self {
                        Self::#ident(__inner)
                    }
                }
            });
            continue;
        }
        let elements = match &variant.fields {
            Fields::Unit => Vec::new(),
            Fields::Named(fields) => value::elements(fields)?,
            Fields::Unnamed(fields) => {
                let text = "the fields need names, for they become elements of the detail";
                return Err(syn::Error::new(fields.span(), text));
            }
        };
        let name = settings.name.unwrap_or_else(|| names::pascal(ident));
        let documentation = names::documentation(&variant.attrs);
        let declarations = value::declarations(&elements);
        declares.push(quote! {
            let __elements = #declarations;
            __declared.push(::guesthouse_sdk::soap::service::FaultDeclaration {
                name: #name,
                documentation: #documentation,
                elements: __elements,
            });
        });
        let reason = match (&settings.reason, documentation.as_str()) {
            (Some(reason), _) => quote! { ::std::format!(#reason) },
            (None, "") => quote! { ::std::string::String::from(#name) },
            (None, text) => quote! { ::std::string::String::from(#text) },
        };
        let code = if settings.receiver { quote!(Receiver) } else { quote!(Sender) };
        let fields: Vec<_> = elements.iter().map(|element| element.ident).collect();
        let wire = elements.iter().map(|element| &element.name);
        arms.push(quote! {
            Self::#ident { #(#fields),* } => {
                let __reason = #reason;
                ::guesthouse_sdk::soap::service::declared_fault(
                    ::guesthouse_sdk::soap::FaultCode::#code, __namespace, #name, __reason, |__writer| {
                        let _ = &__writer;
                        #(::guesthouse_sdk::soap::XmlField::write(&#fields, #wire, __writer);)*
                    },
                )
            }
        });
        taken.push((name, ident.span()));
    }
    names::distinct(taken.iter().map(|(name, span)| (name, *span)))?;
    Ok(quote! {
        #[automatically_derived]
        impl ::guesthouse_sdk::soap::SoapFault for #owner {
            fn declarations(
                __schema: &mut ::guesthouse_sdk::soap::schema::Schema,
            ) -> ::std::vec::Vec<::guesthouse_sdk::soap::service::FaultDeclaration> {
                let mut __declared = ::std::vec::Vec::new();
                #(#declares)*
                __declared
            }

            fn into_fault(self, __namespace: &str) -> ::guesthouse_sdk::soap::Fault {
                match self { #(#arms)* }
            }
        }

        #(#conversions)*
    })
}
