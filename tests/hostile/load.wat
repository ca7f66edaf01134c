;; Misbehaves when it is asked for its endpoints, which the host does before it serves it.
(module
  (memory (export "memory") 1)
  (;common;)
  (func (export "guesthouse:plugin/rest-contract@1.0.0#endpoints") (result i32)
    (;endpoints;))
  (func (export "guesthouse:plugin/rest@1.0.0#handle") (type $handle) (call $fine)))
