# XMLRPC::Lite. It guesses the type of a scalar from its form, so what is to be of a type says so.
use strict;
use warnings;
use utf8;
use XMLRPC::Lite;

my $server = XMLRPC::Lite->proxy(shift);
$| = 1;

sub call {
    my $answer = $server->call(@_);
    die "$_[0]: " . ($server->transport->status // "no answer") . "\n" unless ref $answer;
    die "$_[0]: " . $answer->faultcode . " " . $answer->faultstring . "\n" if $answer->fault;
    return $answer->result;
}

sub same {
    my ($got, $expected) = @_;
    my $shown = flat($got);
    $shown eq flat($expected) or die "$shown is not " . flat($expected) . "\n";
}

sub flat {
    my ($value) = @_;
    return "undef" unless defined $value;
    return "[" . join(",", map { flat($_) } @$value) . "]" if ref $value eq "ARRAY";
    return "{" . join(",", map { "$_=" . flat($value->{$_}) } sort keys %$value) . "}" if ref $value eq "HASH";
    return flat($value->value) if ref $value;
    return $value;
}

sub typed { return XMLRPC::Data->type(@_) }

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
same(call("validator1.manyTypesTest", 17, typed(boolean => 1), "text", 2.5,
        typed(dateTime => "19980717T14:08:55"), typed(base64 => "\0\xff")),
    [17, 1, "text", 2.5, "19980717T14:08:55", "\0\xff"]);
print "manyTypesTest\n";
same(call("validator1.moderateSizeArrayCheck", ["first", ("x") x 150, "last"]), "firstlast");
print "moderateSizeArrayCheck\n";
same(call("validator1.nestedStructTest", {2000 => {"04" => {"01" => $stooges[0]}, "03" => {}}}), 6);
print "nestedStructTest\n";
same(call("validator1.simpleStructReturnTest", 7), {times10 => 70, times100 => 700, times1000 => 7000});
print "simpleStructReturnTest\n";
for my $value (0, -1, 2147483647, -2147483648, "text", "  spaces\n ", "<b>&amp; \"'", -1.5, [], [[1], [[]]], {}, {"a b" => [{c => 1}]}) {
    same(call("echo", $value), $value);
}
same(call("echo", typed(string => "")), "");
same(call("echo", typed(string => "Grüße 東京 😀")), "Grüße 東京 😀");
same(call("echo", typed(boolean => 0)), 0);
same(call("echo", typed(double => "1e10")), "10000000000.0");
same(call("echo", typed(dateTime => "20000229T00:00:00")), "20000229T00:00:00");
my $bytes = join "", map { chr } 0 .. 255;
same(call("echo", typed(base64 => $bytes)), $bytes);
print "every type there and back\n";
for (["nobody", [], -32601], ["subtract", [1], -32602], ["fail", [7, "seven"], 7]) {
    my ($method, $arguments, $code) = @$_;
    my $answer = $server->call($method, @$arguments);
    $answer->fault && $answer->faultcode == $code or die "$method: no fault $code";
}
print "faults\n";
my %methods = map { $_ => 1 } @{call("system.listMethods")};
$methods{"subtract"} && $methods{"system.multicall"} or die;
same(call("system.methodHelp", "subtract"), "The difference of two integers.");
same(call("system.methodSignature", "subtract"), [["int", "int", "int"]]);
print "introspection\n";
my $answers = call("system.multicall", [
    {methodName => "subtract", params => [42, 23]},
    {methodName => "fail", params => [7, "seven"]},
]);
same($answers, [[19], {faultCode => 7, faultString => "seven"}]);
print "multicall\n";
