# What runs inside a call (handlers of signals, callbacks, hooks) uses the same object, changes what was given, or drops it
# all: refused or safe, and the accounts stay right.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use FlightTest;
use Interrupt;
use LMTPTest;
use Mail::Wire::Sink;
use Net::LMTP;
use Net::QMTP;
use QMTPServer;
use ScriptedServer;

# Calls code, and once, while the server stalls at "here", the handler.
sub meanwhile {
    my ($server, $handler, $code) = @_;
    return interrupt(sub { $server->passed('here') }, sub { $handler->(); $server->release }, $code);
}

# ---- a handler that drops the object inside the call

our ($lmtp, $qmtp);     # the only references
for my $case (
    [ _NOOP    => sub { $lmtp->_NOOP } ],
    [ mail     => sub { $lmtp->mail('s@x') } ],
    [ to       => sub { $lmtp->to('a@x') } ],
    [ response => sub { my $fine = $lmtp->command('NOOP') && 1; $lmtp->response } ],
    [ getline  => sub { my $fine = $lmtp->command('NOOP') && 1; $lmtp->getline } ],
    [ quit     => sub { $lmtp->quit } ],
    [ reset    => sub { $lmtp->reset } ],
    [ data     => sub { $lmtp->data } ],
    [ deliver  => sub { $lmtp->deliver(From => 's@x', To => ['a@x'], Data => "x\n") } ],
    [ collect  => sub { my $id = $lmtp->submit(From => 's@x', To => ['a@x'], Data => "x\n"); $lmtp->collect } ],
) {
    my ($name, $code) = @$case;
    for my $instead (undef, 'something else') {
        my $server;
        ($lmtp, $server) = script(expect => undef, stall => 'here', reply => '250 late', close => undef);
        my ($ran, $error) = meanwhile($server, sub { $lmtp = $instead }, $code);
        ok($ran, "$name: the object is dropped inside" . (defined $instead ? ', and its variable used for another thing' : ''));
        is($error, '', '... the call ends');
        undef $lmtp;
    }
}
for my $case (
    [ deliver => sub { $qmtp->deliver(From => 's@x', To => ['a@x'], Data => "x\n") } ],
    [ collect => sub { my $id = $qmtp->submit(From => 's@x', To => ['a@x'], Data => "x\n"); $qmtp->collect } ],
    [ send    => sub { $_->sender('s@x'), $_->recipient('a@x'), $_->message("x\n") for $qmtp; $qmtp->send } ],
) {
    my ($name, $code) = @$case;
    my $server = QMTPServer->new(sub { my ($peer) = @_; QMTPServer::take($peer); $peer->stall('here'); $peer->send('3:Kok,') });
    $qmtp = QMTPServer::client($server);
    my ($ran, $error) = meanwhile($server, sub { undef $qmtp }, $code);
    ok($ran, "QMTP: $name: the object is dropped inside");
    is($error, '', '... the call ends');
}

# A handler that closes the link asks for the time that is left, of no link: the call that waits goes on with its own.
{
    my $server = QMTPServer->new(sub { my ($peer) = @_; QMTPServer::take($peer); $peer->stall('here') });
    my $client = QMTPServer::client($server);
    my @results;
    my ($ran, $error) = meanwhile(
        $server,
        sub { $client->disconnect; $client->timeout_in },
        sub { @results = $client->deliver(From => 's@x', To => ['a@x'], Data => "x\n") },
    );
    ok($ran, 'QMTP: closed, and asked for the time that is left');
    is($error . $results[0]->as_string, '<a@x>: deferral (final) 450 the connection was closed (may have been delivered)', '... the call ends');
}

# ---- a handler that changes what is being sent

# The link is full: the rest of the bytes waits, and is what was given.
for my $case (
    [ 'datasend'                 => [ 60_000 ],         sub { $_[0]->datasend($_[1]) } ],
    [ 'datasend, behind another' => [ 40_000, 60_000 ], sub { $_[0]->datasend($_[1]) } ],
    [ 'rawdatasend'              => [ 60_000 ],         sub { $_[0]->rawdatasend($_[1]) } ],
    [ 'a long datasend'          => [ 3_000_000 ],      sub { $_[0]->datasend($_[1]) } ],
) {
    my ($name, $sizes, $code) = @$case;
    my $server = LMTPTest::keep(ScriptedServer->new(rcvbuf => 4096, script => [ hello_script(),
        (expect => qr/^/, reply => '250 ok') x 2, expect => 'DATA', reply => '354 go', stall => 'here', data => undef, reply => '250 ok' ]));
    my $client = connect_to($server);
    $client->mail('s@x');
    $client->to('a@x');
    ok($client->data, "$name: so far");
    my ($string, $sent, $inside, $released) = ('', '', 0, 0);
    my $full = sub { vec(my $writable = '', fileno $client, 1) = 1; return $inside && !select undef, $writable, undef, 0 };
    my $change = sub {
        substr($string, 0, length $string) = 'z' x length $string;
        undef $string;
        $string = 'y' x 100_000;
        $released = 1;
        $server->release;
    };
    interrupt($full, $change, sub {
        for (1 .. 400) {
            for my $size (@$sizes) {
                return if $released;
                $string = 'x' x ($size - 2) . "\r\n";
                $sent .= $string;
                $inside = 1;
                $code->($client, $string);
                $inside = 0;
            }
        }
    });
    ok($released, '... a string is changed while it is sent');
    ok($client->dataend, '... the message goes on');
    my ($body) = wire($server) =~ /DATA\r\n(.*)\.\r\n\z/s;
    ok($body eq $sent, '... what was given is what was sent');
}

for my $how ('send', 'deliver') {
    my $server = QMTPServer->new({ rcvbuf => 4096 }, sub {
        my ($peer) = @_;
        QMTPServer::sip($peer);
        $peer->stall('here');
        QMTPServer::take($peer);
        $peer->send('3:Kok,');
    });
    my $client = QMTPServer::client($server);
    my $text = 'x' x 3_000_000;
    my ($ran, $error) = meanwhile($server, sub { eval { $client->message('z' x 3_000_000) }; substr($text, 0) = 'z' x 3_000_000; undef $text }, sub {
        return $client->deliver(From => 's', To => ['a'], Data => $text) if $how eq 'deliver';
        $client->sender('s');
        $client->recipient('a');
        $client->message($text);
        return $client->send;
    });
    ok($ran, "QMTP, $how: the text is changed while it is sent");
    is($error, '', '... it goes on');
    my ($package) = QMTPServer::packages($server->received);
    ok($package && $package->{message} eq 'x' x 3_000_000, '... what was given is what was sent');
}

# ---- every method on the same object, from inside

my @methods = (
    [ mail => 's@x' ], [ to => 'a@x' ], [ data => "x\n" ], [ datasend => "x\n" ], [ rawdatasend => "x\n" ], ['dataend'], ['datafh'], ['reset'],
    [ bdat => "x\n" ], [ bdatlast => "x\n" ], ['response'], ['getline'], [ ungetline => "450 x\n" ], [ command => 'NOOP' ], ['_NOOP'],
    [ verify => 'x' ], ['message'], ['code'], ['results'], ['data_results'], ['in_flight'], ['collect'], ['advance'], ['flush'],
    [ deliver => From => 'i@x', To => ['a@x'], Data => "x\n" ], [ submit => From => 'i@x', To => ['a@x'], Data => "x\n" ],
    ['wants_read'], ['timeout_in'], ['close'], ['quit'],
);
my @qmtp_methods = (
    [ sender => 'z' ], [ recipient => 'z' ], [ message => 'z' ], ['send'], ['new_message'], ['results'], ['error'], ['in_flight'], ['collect'],
    ['advance'], ['flush'], [ deliver => From => 'i', To => ['a'], Data => "x\n" ], [ submit => From => 'i', To => ['a'], Data => "x\n" ],
    ['timeout_in'], ['fileno'], ['disconnect'], ['reconnect'],
);

my %sink = map { $_ => Mail::Wire::Sink->new(protocol => $_) } qw(lmtp qmtp);
my $run = 0;

sub from_inside {
    my ($protocol, $where, $method, @arguments) = @_;
    my $class = $protocol eq 'qmtp' ? 'Net::QMTP' : 'Net::LMTP';
    my @port = $protocol eq 'qmtp' ? (Port => $sink{qmtp}->port) : ($sink{lmtp}->port, Hello => 'me');
    my $client = $class->new('127.0.0.1', @port, Timeout => 5) or die "new: $@";
    my $called = 0;
    my $call = sub { $called++ or eval { local $SIG{__WARN__} = sub { }; my @got = $client->$method(@arguments) } };
    my $pieces = 3;
    my %content = (
        Data     => [ Data => sub { $call->(); $pieces-- > 0 ? "piece\n" : undef } ],
        Progress => [ Data => "text\n", Progress => $call ],
    );
    my $sender = 'n' . ++$run . '@x';
    my @results = eval { $client->deliver(From => $sender, To => [ 'a@x', 'b@x' ], @{ $content{$where} }) };
    my $error = $@;
    @results = $client->results if $error;
    return ($sender, $called, $error, @results);
}

for my $case ((map { [ lmtp => @$_ ] } @methods), (map { [ qmtp => @$_ ] } @qmtp_methods)) {
    my ($protocol, $method, @arguments) = @$case;
    for my $where ('Data', 'Progress') {
        my ($sender, $called, $error, @results) = from_inside($protocol, $where, $method, @arguments);
        my $name = "$protocol: $method inside $where";
        my ($message) = grep { $_->{from} eq $sender } $sink{$protocol}->messages;
        my @false = grep { $_->is_success && !$message } @results;
        my @denied = grep { !$_->is_success && !$_->maybe_delivered && $message } @results;
        ok($called && @results == 2 && !@false && !@denied, "$name: two results, and true ones")
            or diag("called $called, error '$error', ", join(', ', map { $_->as_string } @results), $message ? ', delivered' : '');
    }
}

# The same in debug_print, which the calls of old call: whatever becomes of the message, the accounts are right.
{
    package Nosy;
    our @ISA = ('Net::LMTP');
    our ($Call, $At, $Count);
    sub debug_print { my ($self) = @_; $Count++ == $At and $Call->($self); return }
}
for my $case (@methods) {
    my ($method, @arguments) = @$case;
    my @wrong;
    for my $at (0, 1, 3, 6, 8) {
        my $sender = 'd' . ++$run . '@x';
        my $client = Nosy->new('127.0.0.1', $sink{lmtp}->port, Hello => 'me') or die "new: $@";
        $client->timeout(0.2);
        local ($Nosy::At, $Nosy::Count) = ($at, 0);
        local $Nosy::Call = sub { eval { local $SIG{__WARN__} = sub { }; my @got = $_[0]->$method(@arguments) } };
        $client->debug(1);
        my $fine = eval { $client->mail($sender) && $client->to('a@x') && $client->data("x\n") };
        my ($message) = grep { $_->{from} eq $sender } $sink{lmtp}->messages;
        push @wrong, "at $at: a success" if $fine and !$message;
        push @wrong, "at $at: @{[ $_->as_string ]}" for grep { $_->is_success && !$message } $client->data_results;
    }
    is_deeply(\@wrong, [], "lmtp: $method inside debug_print");
}

done_testing;
