# RPC::XML::Client, which has a class for every type.
use strict;
use warnings;
use utf8;
use RPC::XML;
use RPC::XML::Client;

$RPC::XML::ENCODING = "utf-8";
$RPC::XML::ALLOW_NIL = 1;
my $client = RPC::XML::Client->new(shift);
$| = 1;

sub call {
    my $answer = $client->send_request(@_);
    die "$_[0]: $answer\n" unless ref $answer;
    die "$_[0]: " . $answer->code . " " . $answer->string . "\n" if $answer->is_fault;
    return $answer;
}

sub flat {
    my ($value) = @_;
    return "undef" unless defined $value;
    return "[" . join(",", map { flat($_) } @$value) . "]" if ref $value eq "ARRAY";
    return "{" . join(",", map { "$_=" . flat($value->{$_}) } sort keys %$value) . "}" if ref $value eq "HASH";
    return $value;
}

sub same {
    my ($got, $expected) = @_;
    my $shown = flat(ref $got && $got->can("value") ? $got->value : $got);
    $shown eq flat($expected) or die "$shown is not " . flat($expected) . "\n";
}

my @stooges = ({moe => 1, larry => 2, curly => 3}, {moe => 4, larry => 5, curly => -6});
same(call("validator1.arrayOfStructsTest", \@stooges), -3);
print "arrayOfStructsTest\n";
same(call("validator1.countTheEntities", "<<>&&&'''''\"\"x&amp;"),
    {ctLeftAngleBrackets => 2, ctRightAngleBrackets => 1, ctAmpersands => 4, ctApostrophes => 5, ctQuotes => 2});
print "countTheEntities\n";
same(call("validator1.easyStructTest", $stooges[0]), 6);
print "easyStructTest\n";
same(call("validator1.echoStructTest", {a => {b => [1, "two"]}}), {a => {b => [1, "two"]}});
print "echoStructTest\n";
my $moment = "19980717T14:08:55";
same(call("validator1.manyTypesTest", RPC::XML::int->new(17), RPC::XML::boolean->new(1), RPC::XML::string->new("text"),
        RPC::XML::double->new(2.5), RPC::XML::datetime_iso8601->new($moment), RPC::XML::base64->new("\0\xff")),
    [17, 1, "text", 2.5, $moment, "\0\xff"]);
print "manyTypesTest\n";
same(call("validator1.moderateSizeArrayCheck", ["first", ("x") x 150, "last"]), "firstlast");
print "moderateSizeArrayCheck\n";
same(call("validator1.nestedStructTest", {2000 => {"04" => {"01" => $stooges[0]}, "03" => {}}}), 6);
print "nestedStructTest\n";
same(call("validator1.simpleStructReturnTest", 7), {times10 => 70, times100 => 700, times1000 => 7000});
print "simpleStructReturnTest\n";
for (
    [RPC::XML::int->new(-2147483648), "int"],
    [RPC::XML::i4->new(2147483647), "int"],
    [RPC::XML::boolean->new(0), "boolean"],
    [RPC::XML::boolean->new(1), "boolean"],
    [RPC::XML::string->new(""), "string"],
    [RPC::XML::string->new("  spaces\n\t <b>&amp; \"'"), "string"],
    [RPC::XML::string->new("Gr\xfc\xdfe"), "string"],
    [RPC::XML::double->new(-1.5), "double"],
    [RPC::XML::datetime_iso8601->new("20000229T00:00:00"), "dateTime.iso8601"],
    [RPC::XML::base64->new(join "", map { chr } 0 .. 255), "base64"],
    [RPC::XML::array->new([1], [[]]), "array"],
    [RPC::XML::struct->new("a b" => [{c => 1}]), "struct"],
) {
    my ($value, $type) = @$_;
    my $back = call("echo", $value);
    $back->type eq $type or die $back->type . " is not $type\n";
    same($back, $value->value);
}
print "every type there and back\n";
for (["nobody", [], -32601], ["subtract", [1], -32602], ["fail", [7, "seven"], 7]) {
    my ($method, $arguments, $code) = @$_;
    my $answer = $client->send_request($method, @$arguments);
    $answer->is_fault && $answer->code == $code or die "$method: no fault $code";
}
print "faults\n";
my %methods = map { $_ => 1 } @{call("system.listMethods")->value};
$methods{"subtract"} && $methods{"system.multicall"} or die;
same(call("system.methodHelp", "subtract"), "The difference of two integers.");
same(call("system.methodSignature", "subtract"), [["int", "int", "int"]]);
print "introspection\n";
same(call("system.multicall", [
        {methodName => "subtract", params => [42, 23]},
        {methodName => "fail", params => [7, "seven"]},
    ]), [[19], {faultCode => 7, faultString => "seven"}]);
print "multicall\n";
my $wide = call("echo", RPC::XML::i8->new("9007199254740993"));
$wide->type eq "i8" && $wide->value eq "9007199254740993" or die $wide->as_string;
call("echo", RPC::XML::nil->new)->type eq "nil" or die;
print "i8 and nil\n";
