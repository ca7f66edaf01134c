# Frontier::Client, of 2000: the oldest client that still runs.
use strict;
use warnings;
use utf8;
use Frontier::Client;
use MIME::Base64;

my $client = Frontier::Client->new(url => shift);
$| = 1;

sub flat {
    my ($value) = @_;
    return "undef" unless defined $value;
    return "[" . join(",", map { flat($_) } @$value) . "]" if ref $value eq "ARRAY";
    return "{" . join(",", map { "$_=" . flat($value->{$_}) } sort keys %$value) . "}" if ref $value eq "HASH";
    return flat($value->value) if ref $value;
    return $value;
}

sub same {
    my ($got, $expected) = @_;
    my $shown = flat($got);
    $shown eq flat($expected) or die "$shown is not " . flat($expected) . "\n";
}

my @stooges = ({moe => 1, larry => 2, curly => 3}, {moe => 4, larry => 5, curly => -6});
same($client->call("validator1.arrayOfStructsTest", \@stooges), -3);
print "arrayOfStructsTest\n";
same($client->call("validator1.countTheEntities", "<<>&&&'''''\"\"x&amp;"),
    {ctLeftAngleBrackets => 2, ctRightAngleBrackets => 1, ctAmpersands => 4, ctApostrophes => 5, ctQuotes => 2});
print "countTheEntities\n";
same($client->call("validator1.easyStructTest", $stooges[0]), 6);
print "easyStructTest\n";
same($client->call("validator1.echoStructTest", {a => {b => [1, "two"]}}), {a => {b => [1, "two"]}});
print "echoStructTest\n";
same($client->call("validator1.manyTypesTest", 17, $client->boolean(1), "text", 2.5,
        $client->date_time("19980717T14:08:55"), $client->base64("AP8=")),
    [17, 1, "text", 2.5, "19980717T14:08:55", "AP8="]);
print "manyTypesTest\n";
same($client->call("validator1.moderateSizeArrayCheck", ["first", ("x") x 150, "last"]), "firstlast");
print "moderateSizeArrayCheck\n";
same($client->call("validator1.nestedStructTest", {2000 => {"04" => {"01" => $stooges[0]}, "03" => {}}}), 6);
print "nestedStructTest\n";
same($client->call("validator1.simpleStructReturnTest", 7), {times10 => 70, times100 => 700, times1000 => 7000});
print "simpleStructReturnTest\n";
for my $value (0, -1, 2147483647, "text", "  spaces\n ", "<b>&amp; \"'", -1.5, [], [[1], [[]]], {"a b" => [{c => 1}]}) {
    same($client->call("echo", $value), $value);
}
same($client->call("echo", $client->string("")), "");
same($client->call("echo", $client->string("42")), "42");
same($client->call("echo", $client->boolean(0)), 0);
same($client->call("echo", $client->double(1e10)), "10000000000.0");
same($client->call("echo", $client->date_time("20000229T00:00:00")), "20000229T00:00:00");
# It leaves base64 to its user, line breaks included.
my $bytes = encode_base64(join "", map { chr } 0 .. 255);
my $back = $client->call("echo", $client->base64($bytes))->value;
same(decode_base64($back), decode_base64($bytes));
print "every type there and back\n";
for (["nobody", [], -32601], ["subtract", [1], -32602], ["fail", [7, "seven"], 7]) {
    my ($method, $arguments, $code) = @$_;
    die "$method: no fault" if eval { $client->call($method, @$arguments); 1 };
    $@ =~ /(?<![0-9-])$code\b/ or die "$method: $@";
}
print "faults\n";
my %methods = map { $_ => 1 } @{$client->call("system.listMethods")};
$methods{"subtract"} && $methods{"system.multicall"} or die;
same($client->call("system.methodHelp", "subtract"), "The difference of two integers.");
same($client->call("system.methodSignature", "subtract"), [["int", "int", "int"]]);
print "introspection\n";
same($client->call("system.multicall", [
        {methodName => "subtract", params => [42, 23]},
        {methodName => "fail", params => [7, "seven"]},
    ]), [[19], {faultCode => 7, faultString => "seven"}]);
print "multicall\n";
