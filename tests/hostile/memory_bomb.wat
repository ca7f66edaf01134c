;; Wants memory: a all that can be addressed at once, s page by page until it is refused, w as much as it gets and every page
;; of it written to, and then answers; e exactly as many pages as the query says, and then answers.
(module
  (memory (export "memory") 1)
  (;common;)
  (func $number (param $at i32) (param $length i32) (result i32)
    (local $value i32)
    (loop $l
      (if (local.get $length) (then
        (local.set $value (i32.add (i32.mul (local.get $value) (i32.const 10))
          (i32.sub (i32.load8_u (local.get $at)) (i32.const 48))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (local.set $length (i32.sub (local.get $length) (i32.const 1)))
        (br $l))))
    (local.get $value))
  (func (export "guesthouse:plugin/rest@1.0.0#handle") (type $handle)
    (local $letter i32)
    (local.set $letter (call $letter (local.get 2) (local.get 3)))
    (if (i32.eq (local.get $letter) (i32.const 0x61)) (then
      (if (i32.eq (memory.grow (i32.const 65535)) (i32.const -1)) (then unreachable))))
    (if (i32.eq (local.get $letter) (i32.const 0x73)) (then
      (loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
      unreachable))
    (if (i32.eq (local.get $letter) (i32.const 0x77)) (then
      (loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
      (memory.fill (i32.const 65536) (i32.const 7) (i32.mul (i32.sub (memory.size) (i32.const 1)) (i32.const 65536)))))
    (if (i32.eq (local.get $letter) (i32.const 0x65)) (then
      (if (i32.eq (memory.grow (i32.sub (call $number (local.get 5) (local.get 6)) (memory.size))) (i32.const -1))
        (then unreachable))))
    (call $fine)))
