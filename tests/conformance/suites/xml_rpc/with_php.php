<?php
// PHP's xmlrpc functions (xmlrpc-epi), which encode in ISO-8859-1 unless told otherwise.
declare(strict_types=1);

error_reporting(E_ALL & ~E_DEPRECATED);

function send(string $body): mixed
{
    global $argv;
    $context = stream_context_create(["http" => [
        "method" => "POST", "header" => "Content-Type: text/xml\r\n", "content" => $body, "ignore_errors" => true,
    ]]);
    return xmlrpc_decode(file_get_contents($argv[1], false, $context), "utf-8");
}

function call(string $method, array $arguments, array $options = []): mixed
{
    return send(xmlrpc_encode_request($method, $arguments, $options));
}

function same(mixed $got, mixed $expected): void
{
    if ($got != $expected || gettype($got) !== gettype($expected)) {
        throw new Exception(var_export($got, true) . " is not " . var_export($expected, true));
    }
}

function typed(string $value, string $type): mixed
{
    xmlrpc_set_type($value, $type);
    return $value;
}

$stooges = [["moe" => 1, "larry" => 2, "curly" => 3], ["moe" => 4, "larry" => 5, "curly" => -6]];
same(call("validator1.arrayOfStructsTest", [$stooges]), -3);
echo "arrayOfStructsTest\n";
same(call("validator1.countTheEntities", ["<<>&&&'''''\"\"x&amp;"]), [
    "ctLeftAngleBrackets" => 2, "ctRightAngleBrackets" => 1, "ctAmpersands" => 4, "ctApostrophes" => 5, "ctQuotes" => 2,
]);
echo "countTheEntities\n";
same(call("validator1.easyStructTest", [$stooges[0]]), 6);
echo "easyStructTest\n";
same(call("validator1.echoStructTest", [["a" => ["b" => [1, "two"]]]]), ["a" => ["b" => [1, "two"]]]);
echo "echoStructTest\n";
$many = call("validator1.manyTypesTest", [
    17, true, "text", 2.5, typed("19980717T14:08:55", "datetime"), typed("\0\xff", "base64"),
]);
same(array_slice($many, 0, 4), [17, true, "text", 2.5]);
same([$many[4]->scalar, $many[4]->xmlrpc_type], ["19980717T14:08:55", "datetime"]);
same([$many[5]->scalar, $many[5]->xmlrpc_type], ["\0\xff", "base64"]);
echo "manyTypesTest\n";
same(call("validator1.moderateSizeArrayCheck", [array_merge(["first"], array_fill(0, 150, "x"), ["last"])]), "firstlast");
echo "moderateSizeArrayCheck\n";
// In PHP the key "2000" is a number, and an array with numbers for keys would be sent as an array.
$calendar = xmlrpc_encode_request("validator1.nestedStructTest", [["year" => ["04" => ["01" => $stooges[0]]]]]);
same(send(str_replace("<name>year</name>", "<name>2000</name>", $calendar)), 6);
echo "nestedStructTest\n";
same(call("validator1.simpleStructReturnTest", [7]), ["times10" => 70, "times100" => 700, "times1000" => 7000]);
echo "simpleStructReturnTest\n";
$values = [
    0, -1, 2147483647, true, false, "", "  spaces\n\t ", "<b>&amp; \"'", 0.5, -1.5, [], [[1], [2]], ["a b" => [["c" => 1]]],
];
foreach ($values as $value) {
    same(call("echo", [$value]), $value);
}
// By default what is not ASCII is sent as references; told to escape only markup, the bytes are sent as they are.
same(call("echo", ["Gr\xfc\xdfe"]), "Grüße");
same(call("echo", ["Gr\xfc\xdfe"], ["encoding" => "iso-8859-1", "escaping" => "markup"]), "Grüße");
same(call("echo", ["Grüße 東京 😀"], ["encoding" => "utf-8", "escaping" => "markup"]), "Grüße 東京 😀");
same(call("echo", [typed("20000229T00:00:00", "datetime")])->scalar, "20000229T00:00:00");
$bytes = implode("", array_map("chr", range(0, 255)));
same(call("echo", [typed($bytes, "base64")])->scalar, $bytes);
echo "every type there and back\n";
foreach ([["nobody", [], -32601], ["subtract", [1], -32602], ["fail", [7, "seven"], 7]] as [$method, $arguments, $code]) {
    $fault = call($method, $arguments);
    same(xmlrpc_is_fault($fault), true);
    same($fault["faultCode"], $code);
}
echo "faults\n";
same(array_diff(["subtract", "system.multicall"], call("system.listMethods", [])), []);
same(call("system.methodHelp", ["subtract"]), "The difference of two integers.");
same(call("system.methodSignature", ["subtract"]), [["int", "int", "int"]]);
echo "introspection\n";
same(call("system.multicall", [[
    ["methodName" => "subtract", "params" => [42, 23]], ["methodName" => "fail", "params" => [7, "seven"]],
]]), [[19], ["faultCode" => 7, "faultString" => "seven"]]);
echo "multicall\n";
