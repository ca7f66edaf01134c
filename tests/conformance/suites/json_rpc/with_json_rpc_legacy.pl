# JSON::RPC::Legacy::Client: answers are objects with `result` and `error_message`. Without an id, a call is a notification.
use strict;
use warnings;
use utf8;
use JSON;
use JSON::RPC::Legacy::Client;

my $url = shift;
my $client = JSON::RPC::Legacy::Client->new;

sub call {
    my ($method, $params) = @_;
    my $answer = $client->call($url, {jsonrpc => "2.0", id => 1, method => $method, params => $params});
    die "$method: " . $client->status_line . "\n" unless $answer;
    return $answer;
}

$| = 1;
call("subtract", [42, 23])->result == 19 or die;
print "by position\n";
call("subtract", {subtrahend => 23, minuend => 42})->result == 19 or die;
print "by name\n";
my $nothing = $client->call($url, {jsonrpc => "2.0", method => "update", params => [1]});
$client->status_line =~ /^204 / or die $client->status_line;
print "notification\n";
my $error = call("nobody", []);
$error->is_error && $error->content->{error}{code} == -32601 or die;
print "unknown method\n";
$error = call("fail", [7, "seven"]);
$error->is_error && $error->content->{error}{code} == 7 && $error->error_message->{message} eq "seven" or die;
print "failure\n";
my $json = JSON->new->canonical->allow_nonref;
for my $value (undef, JSON::true, 1.5, "text", [1, [2]], {a => {b => undef}}) {
    my $back = call("echo", [$value])->result;
    $json->encode($back) eq $json->encode($value) or die $json->encode($back);
}
print "values\n";
