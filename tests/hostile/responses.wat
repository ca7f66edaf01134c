;; Answers with what must not be sent: 0, 1, 2, 3 the statuses 0, 99, 101 and 1000; c a value that ends the head, n a name that
;; does, z a value with a zero byte, e an empty name, h a field of the connection, b a body of a byte too many, f 65 fields,
;; v values of 32 KiB in all and their name. Also what just may be: g 64 fields, x a body as large as it may be, y fields of
;; exactly 32 KiB.
(module
  (memory (export "memory") 200)
  (;common;)
  (data (i32.const 800) "x-a: b\0d\0aset-cookie: admin=1\0d\0a\0d\0a<html>")
  (data (i32.const 900) "a\00b")
  (data (i32.const 910) "transfer-encoding")
  (data (i32.const 930) "chunked")
  (data (i32.const 940) "x-a")
  (func $fields (param $count i32) (result i32)
    (local $at i32)
    (local $end i32)
    (local.set $at (i32.const 4096))
    (local.set $end (i32.add (i32.const 4096) (i32.mul (local.get $count) (i32.const 16))))
    (loop $l
      (i32.store (local.get $at) (i32.const 940))
      (i32.store offset=4 (local.get $at) (i32.const 3))
      (i32.store offset=8 (local.get $at) (i32.const 940))
      (i32.store offset=12 (local.get $at) (i32.const 3))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br_if $l (i32.lt_u (local.get $at) (local.get $end))))
    (call $response (i32.const 200) (i32.const 4096) (local.get $count) (i32.const 700) (i32.const 4)))
  (func $one (param i32 i32 i32 i32) (result i32)
    (call $response (i32.const 200) (call $field (local.get 0) (local.get 1) (local.get 2) (local.get 3)) (i32.const 1)
      (i32.const 700) (i32.const 4)))
  (func $status (param i32) (result i32)
    (call $response (local.get 0) (i32.const 0) (i32.const 0) (i32.const 700) (i32.const 4)))
  (func $body (param i32) (result i32)
    (call $response (i32.const 200) (i32.const 0) (i32.const 0) (i32.const 65536) (local.get 0)))
  (func $long (param i32) (result i32)
    (memory.fill (i32.const 65536) (i32.const 0x61) (i32.const 40000))
    (call $one (i32.const 940) (i32.const 3) (i32.const 65536) (local.get 0)))
  (func (export "guesthouse:plugin/rest@1.0.0#handle") (type $handle)
    (local $letter i32)
    (local.set $letter (call $letter (local.get 2) (local.get 3)))
    (if (i32.eq (local.get $letter) (i32.const 0x30)) (then (return (call $status (i32.const 0)))))
    (if (i32.eq (local.get $letter) (i32.const 0x31)) (then (return (call $status (i32.const 99)))))
    (if (i32.eq (local.get $letter) (i32.const 0x32)) (then (return (call $status (i32.const 101)))))
    (if (i32.eq (local.get $letter) (i32.const 0x33)) (then (return (call $status (i32.const 1000)))))
    (if (i32.eq (local.get $letter) (i32.const 0x63)) (then
      (return (call $one (i32.const 940) (i32.const 3) (i32.const 800) (i32.const 38)))))
    (if (i32.eq (local.get $letter) (i32.const 0x6e)) (then
      (return (call $one (i32.const 800) (i32.const 38) (i32.const 940) (i32.const 3)))))
    (if (i32.eq (local.get $letter) (i32.const 0x7a)) (then
      (return (call $one (i32.const 940) (i32.const 3) (i32.const 900) (i32.const 3)))))
    (if (i32.eq (local.get $letter) (i32.const 0x65)) (then
      (return (call $one (i32.const 940) (i32.const 0) (i32.const 940) (i32.const 3)))))
    (if (i32.eq (local.get $letter) (i32.const 0x68)) (then
      (return (call $one (i32.const 910) (i32.const 17) (i32.const 930) (i32.const 7)))))
    (if (i32.eq (local.get $letter) (i32.const 0x78)) (then (return (call $body (i32.const 8388608)))))
    (if (i32.eq (local.get $letter) (i32.const 0x62)) (then (return (call $body (i32.const 8388609)))))
    (if (i32.eq (local.get $letter) (i32.const 0x67)) (then (return (call $fields (i32.const 64)))))
    (if (i32.eq (local.get $letter) (i32.const 0x66)) (then (return (call $fields (i32.const 65)))))
    (if (i32.eq (local.get $letter) (i32.const 0x79)) (then (return (call $long (i32.const 32765)))))
    (if (i32.eq (local.get $letter) (i32.const 0x76)) (then (return (call $long (i32.const 32766)))))
    (call $fine)))
