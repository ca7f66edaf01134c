;; Traps: u at what must not be reached, d dividing by zero, m outside of its memory, i calling nothing, s calling a function
;; of another type, o in a conversion.
(module
  (memory (export "memory") 1)
  (type $other (func (param i64)))
  (table 2 funcref)
  (elem (i32.const 1) $fine)
  (;common;)
  (func (export "guesthouse:plugin/rest@1.0.0#handle") (type $handle)
    (local $letter i32)
    (local.set $letter (call $letter (local.get 2) (local.get 3)))
    (if (i32.eq (local.get $letter) (i32.const 0x75)) (then unreachable))
    (if (i32.eq (local.get $letter) (i32.const 0x64)) (then (drop (i32.div_u (i32.const 1) (i32.const 0)))))
    (if (i32.eq (local.get $letter) (i32.const 0x6d)) (then (drop (i32.load (i32.const -8)))))
    (if (i32.eq (local.get $letter) (i32.const 0x69)) (then (call_indirect (type $other) (i64.const 1) (i32.const 0))))
    (if (i32.eq (local.get $letter) (i32.const 0x73)) (then (call_indirect (type $other) (i64.const 1) (i32.const 1))))
    (if (i32.eq (local.get $letter) (i32.const 0x6f)) (then (drop (i32.trunc_f32_s (f32.const nan)))))
    (call $fine)))
