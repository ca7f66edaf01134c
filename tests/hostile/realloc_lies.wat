;; Says that there is room for its arguments where there is none.
(module
  (type $handle (func (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0x7ffffff8))
  (func (export "guesthouse:plugin/rest@1.0.0#handle") (type $handle) unreachable))
