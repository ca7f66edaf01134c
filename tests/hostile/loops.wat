;; Never comes to an end: h in the handler, n in a nest of loops and calls, b in filling its memory again and again, p in
;; what is run after the answer was read.
(module
  (memory (export "memory") 256)
  (;common;)
  (global $after (mut i32) (i32.const 0))
  (func $again (param i32))
  (func (export "guesthouse:plugin/rest@1.0.0#handle") (type $handle)
    (local $letter i32)
    (local.set $letter (call $letter (local.get 2) (local.get 3)))
    (if (i32.eq (local.get $letter) (i32.const 0x68)) (then (loop $l (br $l))))
    (if (i32.eq (local.get $letter) (i32.const 0x6e)) (then
      (loop $outer (loop $inner (call $again (i32.const 1)) (br_if $inner (i32.const 1))) (br $outer))))
    (if (i32.eq (local.get $letter) (i32.const 0x62)) (then
      (loop $l (memory.fill (i32.const 65536) (i32.const 7) (i32.const 16000000)) (br $l))))
    (if (i32.eq (local.get $letter) (i32.const 0x70)) (then (global.set $after (i32.const 1))))
    (call $fine))
  (func (export "cabi_post_guesthouse:plugin/rest@1.0.0#handle") (param i32)
    (if (global.get $after) (then (loop $l (br $l))))))
