# What Net::LMTP and Net::QMTP have alike, so that a program changes its URL and nothing else.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use Mail::Wire;
use Mail::Wire::Sink;

my %sink = map { $_ => Mail::Wire::Sink->new(protocol => $_) } qw(lmtp qmtp);

{ package Says; use overload '""' => sub { $_[0][0] }, fallback => 1 }

sub client {
    my ($protocol, @options) = @_;
    my $client = Mail::Wire->connect($sink{$protocol}->url, @options, $protocol eq 'lmtp' ? (Hello => 'client.example') : ());
    return $client || die $@;
}

for my $protocol (qw(lmtp qmtp)) {
    my $sink = $sink{$protocol};
    my $class = 'Net::' . uc $protocol;

    # ---- arguments

    for my $case (
        [ 'an address'    => 'a@x', 'a@x' ],
        [ 'an object'     => bless([ 'b@x' ], 'Says'), 'b@x' ],
        [ 'a list'        => [ 'a@x', 'b@x' ], 'a@x', 'b@x' ],
        [ 'objects'       => [ bless(['c@x'], 'Says') ], 'c@x' ],
    ) {
        my ($name, $to, @expected) = @$case;
        my $client = client($protocol);
        is_deeply([ map { $_->recipient . ' ' . $_->status } $client->deliver(From => 's@x', To => $to, Data => "x\n") ],
            [ map {"$_ success"} @expected ], "$class: To is $name");
        ok($client->submit(From => 's@x', To => $to, Data => "x\n"), '... submit');
        is_deeply([ map { $_->recipient } $client->collect->results ], \@expected, '... collect');
        is_deeply([ map { $_->{address} } @{ $_->{recipients} } ], \@expected, '... what arrives') for ($sink->messages)[ -2, -1 ];
    }
    for my $case (
        [ 'no To' => [], qr/To must be an address, or a reference to a list/ ],
        [ 'an empty one' => [ To => '' ], qr/To must be an address/ ],
        [ 'an undefined one' => [ To => undef ], qr/To must be an address/ ],
        [ 'nobody' => [ To => [] ], qr/To must be an address/ ],
        [ 'a hash' => [ To => {} ], qr/To must be an address/ ],
        [ 'an undefined address' => [ To => [undef] ], qr/To has an undefined address/ ],
        [ 'a reference' => [ To => [ \'a' ] ], qr/To has a reference for an address: SCALAR/ ],
        [ 'options that are none' => [ To => [ [ 'a@x', 1 ] ] ], qr/the options of a recipient must be a reference to a hash/ ],
        [ 'a reference for From' => [ To => 'a@x', From => [] ], qr/From has a reference for an address: ARRAY/ ],
        [ 'another name' => [ To => 'a@x', Zzz => 1, Aaa => 2 ], qr/unknown argument Aaa Zzz/ ],
        [ 'a Deadline' => [ To => 'a@x', Deadline => 'soon' ], qr/Deadline must be a number of seconds above 0, not 'soon'/ ],
    ) {
        my ($name, $arguments, $why) = @$case;
        my $client = client($protocol);
        for my $method (qw(deliver submit)) {
            ok(!eval { $client->$method(From => 's@x', Data => 'x', @$arguments); 1 }, "$class: $method with $name croaks");
            like($@, qr/\A$method: $why.* at \Q$0\E line @{[ __LINE__ - 1 ]}/, '... in the same words');
        }
        is($client->in_flight, 0, '... nothing is in flight');
    }

    # ---- the caller's code cannot begin another call

    my $client = client($protocol);
    for my $method (qw(deliver submit collect finish advance)) {
        my @errors;
        my $call = sub { eval { my @got = $client->$method($method =~ /r\z|t\z/ ? (To => 'b@x', Data => 'x') : ()); 1 } or push @errors, $@; return };
        is_deeply([ map { $_->status } $client->deliver(From => 's@x', To => 'a@x', Data => $call) ], ['success'], "$class: $method inside Data");
        is_deeply([ map { $_->status } $client->deliver(From => 's@x', To => 'a@x', Data => 'x', Progress => $call) ], ['success'], '... and Progress');
        ok(@errors > 1, '... is refused');
        is(scalar(grep { !/\A$class: called from the code of Data or Progress of the same object at \Q$0\E line/ } @errors), 0, '... says why') or diag(@errors);
    }
}

# ---- what deliver returns

my %rcpt = (
    lmtp => { 'no@x' => '550 5.1.1 No such user', 'later@x' => '450 4.2.2 Full' },
    qmtp => { 'no@x' => 'DNo such user', 'later@x' => 'ZFull' },
);
for my $case (
    # recipients, is_success, is_deferral, is_failure
    [ ['a@x'],                    1, 0, 0 ],
    [ [ 'a@x', 'later@x' ],       0, 1, 0 ],
    [ [ 'a@x', 'no@x' ],          0, 0, 1 ],
    [ [ 'later@x', 'no@x' ],      0, 0, 1 ],
) {
    my ($to, @is) = @$case;
    for my $protocol (qw(lmtp qmtp)) {
        my $sink = Mail::Wire::Sink->new(protocol => $protocol, rcpt => $rcpt{$protocol});
        my $client = Mail::Wire->connect($sink->url, $protocol eq 'lmtp' ? (Hello => 'client.example') : ()) or die $@;
        my $delivery = $client->deliver(From => 's@x', To => $to, Data => "x\n");
        isa_ok($delivery, 'Mail::Wire::Delivery', "$protocol: to @$to: what deliver returns");
        ok($delivery, '... is true');
        is_deeply([ map { $_ ? 1 : 0 } $delivery->is_success, $delivery->is_deferral, $delivery->is_failure ], \@is, '... says what became of it');
        is($delivery->id, 1, '... has its number');
        is_deeply([ map { $_->recipient } @$delivery ], $to, '... is a reference to the list of results');
        is(scalar @{ $delivery->results }, @$to, '... which it has, too');
        is("$delivery->[0]", $delivery->[0]->as_string, '... each a string of its own');
        ok($delivery->[0], '... and true');
        is($client->submit(From => 's@x', To => $to, Data => "x\n"), 2, 'the next one');
        my $next = $client->collect;
        is_deeply([ map { $_ ? 1 : 0 } $next->is_success, $next->is_deferral, $next->is_failure ], \@is, '... by collect');
    }
}

# ---- where to, and how it ends

for my $protocol (qw(lmtp qmtp)) {
    my $sink = $sink{$protocol};
    my $class = 'Net::' . uc $protocol;
    my @options = $protocol eq 'lmtp' ? (Hello => 'client.example') : ();
    for my $place (
        [ Host => '127.0.0.1', Port => $sink->port ],
        [ PeerAddr => '127.0.0.1', PeerPort => $sink->port ],
        [ PeerPort => $sink->port, PeerAddr => '127.0.0.1' ],
        [ '127.0.0.1', $protocol eq 'lmtp' ? $sink->port : (), PeerPort => $sink->port ],
    ) {
        my $client = $class->new(@$place, @options);
        ok($client, "$class->new(@$place)") or diag $@;
        is($client->host, '127.0.0.1', '... host');
        is($client->is_connected, 1, '... is_connected');
        is($client->last_error, '', '... last_error');
        ok($client->submit(From => 's@x', To => 'a@x', Data => "x\n"), '... submit');
        is($client->finish, 1, '... finish');
        ok($client->collect->is_success, '... its results stay');
        is($client->disconnect, 1, '... disconnect');
        is($client->is_connected, 0, '... and it is not connected');
    }
    my $client = $class->new(Host => '127.0.0.1', Port => $sink->port, @options);
    is($client->quit, 1, "$class: quit");
    is($client->is_connected, 0, '... ends it');
}

# ---- objects with a text

{
    package Simple; sub as_string { "Subject: $_[0]{subject}\n\ntext\n" }
    package Lines;  sub getline { shift @{ $_[0] } }
    package Reads;  sub read { $_[1] = shift @{ $_[0] }; $_[1] = '' if !defined $_[1]; return length $_[1] }
}
for my $protocol (qw(lmtp qmtp)) {
    my $text = "Subject: one\n\ntext\n";
    for my $data (bless({ subject => 'one' }, 'Simple'), bless([ "Subject: one\n", "\n", "text\n" ], 'Lines'), bless([ "Subject: ", "one\n\ntext\n" ], 'Reads')) {
        my $delivery = client($protocol)->deliver(From => 's@x', To => 'a@x', Data => $data);
        ok($delivery->is_success, "$protocol: Data is an object, " . ref $data) or diag(@$delivery);
        (my $got = ($sink{$protocol}->messages)[-1]{data}) =~ s/\r//g;
        is($got, $text, '... its text arrives');
    }
}

done_testing;
