//! Calls that need no stack of their own.
//!
//! A guest runs on a fiber so that it can be put aside, at a tick of the clock or in a host call. A fiber costs every call, and most
//! calls are never put aside. One of a component without imports makes no host calls, and is a function of its arguments: nobody
//! can tell whether it was begun twice. So it is run on the thread's own stack, and if it computes for long after all,
//! nothing of it is kept and it is begun anew where it can be put aside. Such a plugin counts as heavy for a while, so the
//! calls that follow begin there at once.

use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentNamedList, ComponentType, Lower};

/// Parameters of a call that can be handed over more than once.
pub trait Parameters: ComponentNamedList + Lower + Send + Sync + 'static {
    /// The same by reference.
    type References<'a>: ComponentNamedList + Lower;

    /// The parameters, for one attempt.
    fn references(&self) -> Self::References<'_>;
}

macro_rules! parameters {
    ($(($($place:tt $name:ident),*))*) => {$(
        impl<$($name),*> Parameters for ($($name,)*)
        where
            $($name: ComponentType + Lower + Send + Sync + 'static,)*
            Self: ComponentNamedList + Lower,
        {
            type References<'a> = ($(&'a $name,)*);

            fn references(&self) -> Self::References<'_> {
                ($(&self.$place,)*)
            }
        }
    )*};
}

impl Parameters for () {
    type References<'a> = ();

    fn references(&self) -> Self::References<'_> {}
}

parameters! {
    (0 A)
    (0 A, 1 B)
    (0 A, 1 B, 2 C)
}

/// Whether a component can call nothing: what it imports are types at most.
pub(super) fn calls_nothing(component: &Component, engine: &Engine) -> bool {
    component.component_type().imports(engine).all(|(_, import)| match import.ty {
        ComponentItem::Type(_) => true,
        ComponentItem::ComponentInstance(instance) => {
            instance.exports(engine).all(|(_, item)| matches!(item.ty, ComponentItem::Type(_)))
        }
        _ => false,
    })
}
