;; Answers with values that cannot be: b a body of nearly 2^32 bytes, o a body that begins behind its memory, e one that ends
;; there, w one whose end wraps round, h nearly 2^32 header fields, a a list that is not aligned, u a name that is not UTF-8,
;; l a name of nearly 2^32 bytes, r an answer behind its memory, q one that is not aligned, m a million header fields that are
;; all the same megabyte.
(module
  (memory (export "memory") 300)
  (;common;)
  (data (i32.const 800) "\ff\fe\80")
  (func $million (result i32)
    (local $at i32)
    (local.set $at (i32.const 1114112))
    (loop $l
      (i32.store (local.get $at) (i32.const 65536))
      (i32.store offset=4 (local.get $at) (i32.const 1000000))
      (i32.store offset=8 (local.get $at) (i32.const 65536))
      (i32.store offset=12 (local.get $at) (i32.const 1000000))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br_if $l (i32.lt_u (local.get $at) (i32.const 17114112))))
    (memory.fill (i32.const 65536) (i32.const 0x61) (i32.const 1000000))
    (call $response (i32.const 200) (i32.const 1114112) (i32.const 1000000) (i32.const 0) (i32.const 0)))
  (func (export "guesthouse:plugin/rest@1.0.0#handle") (type $handle)
    (local $letter i32)
    (local.set $letter (call $letter (local.get 2) (local.get 3)))
    (if (i32.eq (local.get $letter) (i32.const 0x62)) (then
      (return (call $response (i32.const 200) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1)))))
    (if (i32.eq (local.get $letter) (i32.const 0x6f)) (then
      (return (call $response (i32.const 200) (i32.const 0) (i32.const 0) (i32.const 0x7fffffff) (i32.const 1)))))
    (if (i32.eq (local.get $letter) (i32.const 0x65)) (then
      (return (call $response (i32.const 200) (i32.const 0) (i32.const 0) (i32.const 19660799) (i32.const 2)))))
    (if (i32.eq (local.get $letter) (i32.const 0x77)) (then
      (return (call $response (i32.const 200) (i32.const 0) (i32.const 0) (i32.const -1) (i32.const -1)))))
    (if (i32.eq (local.get $letter) (i32.const 0x68)) (then
      (return (call $response (i32.const 200) (i32.const 0) (i32.const -1) (i32.const 0) (i32.const 0)))))
    (if (i32.eq (local.get $letter) (i32.const 0x61)) (then
      (return (call $response (i32.const 200) (i32.const 601) (i32.const 1) (i32.const 0) (i32.const 0)))))
    (if (i32.eq (local.get $letter) (i32.const 0x75)) (then
      (return (call $response (i32.const 200) (call $field (i32.const 800) (i32.const 3) (i32.const 700) (i32.const 4))
        (i32.const 1) (i32.const 0) (i32.const 0)))))
    (if (i32.eq (local.get $letter) (i32.const 0x6c)) (then
      (return (call $response (i32.const 200) (call $field (i32.const 0) (i32.const -1) (i32.const 700) (i32.const 4))
        (i32.const 1) (i32.const 0) (i32.const 0)))))
    (if (i32.eq (local.get $letter) (i32.const 0x72)) (then (return (i32.const 0x7ffffffc))))
    (if (i32.eq (local.get $letter) (i32.const 0x71)) (then (return (i32.const 513))))
    (if (i32.eq (local.get $letter) (i32.const 0x6d)) (then (return (call $million))))
    (call $fine)))
