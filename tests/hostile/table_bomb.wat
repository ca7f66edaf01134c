;; Wants table elements: a a thousand million at once, s one by one until it is refused, e exactly 20,000, f one more.
(module
  (memory (export "memory") 1)
  (table $table 1 funcref)
  (;common;)
  (func (export "guesthouse:plugin/rest@1.0.0#handle") (type $handle)
    (local $letter i32)
    (local.set $letter (call $letter (local.get 2) (local.get 3)))
    (if (i32.eq (local.get $letter) (i32.const 0x61)) (then
      (if (i32.eq (table.grow $table (ref.null func) (i32.const 1000000000)) (i32.const -1)) (then unreachable))))
    (if (i32.eq (local.get $letter) (i32.const 0x73)) (then
      (loop $l (br_if $l (i32.ne (table.grow $table (ref.null func) (i32.const 1)) (i32.const -1))))
      unreachable))
    (if (i32.eq (local.get $letter) (i32.const 0x65)) (then
      (if (i32.eq (table.grow $table (ref.null func) (i32.const 19999)) (i32.const -1)) (then unreachable))))
    (if (i32.eq (local.get $letter) (i32.const 0x66)) (then
      (if (i32.eq (table.grow $table (ref.null func) (i32.const 20000)) (i32.const -1)) (then unreachable))))
    (call $fine)))
