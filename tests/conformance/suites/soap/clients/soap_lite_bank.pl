# SOAP::Lite calls the bank, which it knows from no WSDL: it reads only RPC ones. Prints a line for each case that went well.
use strict;
use warnings;
use utf8;
use SOAP::Lite;

my ($url) = @ARGV;
my $namespace = 'urn:guesthouse:bank';
for my $version ('1.1', '1.2') {
    SOAP::Lite->soapversion($version);
    my $bank = SOAP::Lite->proxy($url)->ns($namespace, 'b')->on_action(sub { "$namespace/$_[1]" });
    # In version 1.2 the attribute must not stand on the envelope (part 1, section 5.1.1).
    $bank->serializer->encodingStyle('');
    $bank->on_fault(sub { $_[1] });
    my $call = sub {
        my ($operation, @given) = @_;
        my @parameters;
        while (my ($name, $value) = splice @given, 0, 2) {
            push @parameters, SOAP::Data->name("b:$name" => $value)->type('string');
        }
        return $bank->call("b:$operation", @parameters);
    };
    my $ada = $call->('OpenAccount', owner => 'Ada & Söhne', openingBalance => '100')->valueof('//account');
    my $bob = $call->('OpenAccount', owner => 'Bob', openingBalance => '0')->valueof('//account');
    die 'Transfer' if $call->('Transfer', from => $ada, to => $bob, amount => '30.25')->valueof('//balance') ne '69.75';
    die 'GetBalance' if $call->('GetBalance', account => $bob)->valueof('//balance') ne '30.25';
    print "$version: calls\n";
    my @kinds = $call->('ListTransactions', account => $bob)->valueof('//kind');
    die "@kinds" if "@kinds" ne 'Opening Received';
    print "$version: structures and dates\n";
    for my $case (['InsufficientFunds', 'Transfer', from => $bob, to => $ada, amount => '1000'],
                  ['UnknownAccount', 'GetBalance', account => '000000000000']) {
        my ($name, @given) = @$case;
        my $answer = $call->(@given);
        my $detail = $answer->valueof("//$name");
        die $name unless ref $detail && $detail->{account};
        my $code = $version eq '1.1' ? $answer->faultcode : $answer->valueof('//Code/Value');
        die $code unless $code =~ /(Client|Sender)$/;
        print "$version: $name\n";
    }
}
