#!perl -T
# Taint mode: what came from a server, or a client, is tainted, and what the caller gave is as he gave it. A tainted address is not
# connected to.

use strict;
use warnings;

use Cwd ();
use File::Temp ();
use POSIX ();
use Scalar::Util qw(tainted);
use Test::More;

use lib 't/lib';
use LMTPTest;
use Mail::Wire;
use Mail::Wire::Sink;
use Net::QMTP;
use QMTPServer;

plan skip_all => 'this perl knows nothing of tainting' if !${^TAINT};

# Nothing, but tainted.
my $taint = substr join('', values %ENV), 0, 0;
ok(tainted($taint), 'the environment is tainted');

sub is_tainted {
    my ($name, @values) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @clean = grep { !defined $_ || !tainted($_) } @values;
    return ok(@values && !@clean, "$name: tainted") || diag(explain(\@clean));
}

sub is_clean {
    my ($name, @values) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @tainted = grep { !defined $_ || tainted($_) } @values;
    return ok(@values && !@tainted, "$name: not tainted") || diag(explain(\@tainted));
}

# ---- LMTP

{
    my ($lmtp, $server) = session(keywords => [ 'SIZE 1000', 'PIPELINING', 'CHUNKING' ], RCPT => [ '250 ok', '550 5.1.1 no' ],
        final => ['250 2.0.0 there']);
    is_tainted('banner, domain', $lmtp->banner, $lmtp->domain);
    is_tainted('a keyword', scalar $lmtp->supports('SIZE'));
    is_tainted('its parameters', $lmtp->supports('SIZE'));
    is_tainted('code and message', $lmtp->code, scalar $lmtp->message, $lmtp->message);
    $lmtp->mail('s@x');
    is_tainted('of mail', $lmtp->code, scalar $lmtp->message);
    $lmtp->to('a@x');
    $lmtp->to('b@x');
    is_tainted('of a refusal', $lmtp->code, scalar $lmtp->message, $lmtp->last_error);
    $lmtp->data("text\n");
    for my $result ($lmtp->data_results, $lmtp->results) {
        is_tainted('a result', $result->code, $result->message, $result->enhanced, $result->as_string);
        is_clean('what is the caller\'s and ours of it', $result->recipient, $result->status, $result->stage, $result->index, $result->maybe_delivered);
    }
    for my $way ('deliver', 'submit') {
        my @order = (From => 's@x', To => [ 'a@x', 'b@x' ], Data => "text\n");
        my @results = $way eq 'deliver' ? $lmtp->deliver(@order) : do { $lmtp->submit(@order); $lmtp->collect->results };
        is_tainted("$way: code and message", map { ($_->code, $_->message) } @results);
        is_clean("$way: recipient", map { $_->recipient } @results);
    }
    $lmtp = connect_to($server);
    $lmtp->command('NOOP');
    is_tainted('getline', $lmtp->getline);
    $lmtp->ungetline("250 own\n");
    is_tainted('what it gives again', $lmtp->getline);
    is_tainted('parse_response', ($lmtp->parse_response("250 x$taint"))[0]);
    is_clean('parse_response of the caller\'s own', ($lmtp->parse_response(my $line = '250 x'))[0]);
    is_clean('host', $lmtp->host);
}

for my $case (
    [ 'no reply',    'SSH-2.0-x' ],
    [ 'a refusal',   '554 go away' ],
    [ 'a farewell',  "421 bye" ],
) {
    my ($name, $greeting) = @$case;
    my $server = ScriptedServer->new(script => [ reply => $greeting, close => undef ]);
    ok(!Net::LMTP->new($server->args, Hello => 'me'), "$name: no object");
    is_tainted("$name: why", $@);
}

# ---- QMTP

{
    my $server = QMTPServer->new([ 'Kok (#2.0.0)', 'Dno (#5.1.1)' ], ['Zlater'], ['Kfine']);
    my $qmtp = QMTPServer::client($server);
    $qmtp->sender('s@x');
    $qmtp->recipient($_) for 'a@x', 'b@x';
    $qmtp->message("text\n");
    is_tainted('send', values %{ $qmtp->send });
    for my $result ($qmtp->results) {
        is_tainted('a result', $result->code, $result->message, $result->enhanced, $result->as_string);
        is_clean('what is the caller\'s and ours of it', $result->recipient, $result->status, $result->stage, $result->index);
    }
    my @order = (From => 's@x', To => ['a@x'], Data => "text\n");
    is_tainted('deliver', map { ($_->code, $_->message) } $qmtp->deliver(@order));
    $qmtp->submit(@order);
    is_tainted('submit', map { ($_->code, $_->message) } $qmtp->collect->results);
}

# ---- the other side

for my $protocol ('lmtp', 'qmtp') {
    my $sink = Mail::Wire::Sink->new(protocol => $protocol);
    my $client = Mail::Wire->connect($sink->url, $protocol eq 'lmtp' ? (Hello => 'me') : ()) or die $@;
    my @results = $client->deliver(From => "s\@x$taint", To => ["a\@x$taint"], Data => "text\n$taint");
    ok($results[0]->is_success, "$protocol: a tainted message is sent as any other");
    my ($message) = $sink->messages;
    is_tainted("$protocol, what the sink received", @$message{qw(from data)}, map { $_->{address} } @{ $message->{recipients} });
    is_tainted('... and its commands', $sink->commands) if $protocol eq 'lmtp';
    $sink->stop;
}

{
    my $folder = File::Temp->newdir;
    my ($here) = Cwd::getcwd() =~ /\A(.*)\z/s;
    chdir "$folder" or die "$folder: $!";
    my $sink = Mail::Wire::Sink->new(path => 'socket');
    ok(-e "$folder/socket", 'a sink in the current folder');
    $sink->stop;
    ok(!-e "$folder/socket", '... takes its socket away');
    chdir $here or die "$here: $!";
    ok(!eval { Mail::Wire::Sink->new(path => "$folder/socket$taint") }, 'none with a tainted name');
    like($@, qr/\AInsecure dependency in bind/, '... is made');
}

# ---- where to connect to

sub open_descriptors {
    return grep { $! = 0; POSIX::lseek($_, 0, 1); $! != POSIX::EBADF() } 0 .. 63;
}

for my $protocol ('lmtp', 'qmtp') {
    my $class = 'Net::' . uc $protocol;
    for my $kind ('ipv4', 'unix') {
        my $server = ScriptedServer->new(listen => $kind, script => [ reply => '220 hi', expect => qr/LHLO/, reply => '250 hi' ]);
        my ($host, $port) = $server->args;
        my %where = (Host => $host, Port => $port);
        my $url = $kind eq 'unix' ? "$protocol://$host" : "$protocol://$host:$port";
        my %ways = (
            'a host'          => sub { $class->new(%where, Host => "$host$taint", Hello => 'me') },
            'a URL'           => sub { Mail::Wire->connect("$url$taint", $protocol eq 'lmtp' ? (Hello => 'me') : ()) },
            $kind eq 'unix' ? () : (
                'a port'          => sub { $class->new(%where, Port => "$port$taint") },
                'host and port'   => sub { $class->new(Host => "$host:$port$taint", Port => 1) },
                'an address of ours' => sub { $class->new(%where, LocalAddr => "127.0.0.1$taint") },
                'a port of ours'  => sub { $class->new(%where, LocalPort => "0$taint") },
            ),
            $protocol eq 'lmtp' ? () : (
                'a host, not waiting' => sub { $class->new(%where, Host => "$host$taint", Blocking => 0)->advance },
                'a host, for deliver' => sub { $class->new(%where, Host => "$host$taint", DeferConnect => 1)->deliver(From => 's@x', To => ['a@x'], Data => "x\n") },
                'a host, for send' => sub { my $c = $class->new(%where, Host => "$host$taint", DeferConnect => 1); $c->sender('s@x'); $c->recipient('a@x'); $c->message('x'); $c->reconnect; $c->send },
            ),
        );
        for my $way (sort keys %ways) {
            my @before = open_descriptors();
            my $client = eval { $ways{$way}->() };
            like($@, qr/\AInsecure dependency in connect: the address or the port is tainted at /, "$class, $kind: $way that is tainted");
            is($client, undef, '... is no link');
            is_deeply([ open_descriptors() ], \@before, '... and leaves no descriptor');
        }
        is($server->connections, 0, "$class, $kind: nobody has connected");
        if ($protocol eq 'lmtp') {
            ok($class->new(%where, Hello => "me$taint"), '... but one that is not tainted is');
        }
    }
}

# Tainted content, by every call that takes some.
for my $case (
    [ 'data'              => sub { $_[0]->data("text$taint\n") } ],
    [ 'data of a list'    => sub { $_[0]->data([ "te$taint", "xt\n$taint" ]) } ],
    [ 'data of several'   => sub { $_[0]->data("te$taint", "xt\n") } ],
    [ 'datasend'          => sub { $_[0]->data && $_[0]->datasend("text\n$taint") && $_[0]->dataend } ],
    [ 'rawdatasend'       => sub { $_[0]->data && $_[0]->rawdatasend("text\r\n$taint") && $_[0]->dataend } ],
    [ 'print into datafh' => sub { my $fh = $_[0]->datafh; print {$fh} "text\n$taint"; close $fh } ],
    [ 'bdatlast'          => sub { $_[0]->bdatlast("text\r\n$taint") } ],
) {
    my ($name, $send) = @$case;
    my $sink = Mail::Wire::Sink->new;
    my $lmtp = Net::LMTP->new($sink->host, $sink->port, Hello => 'client.example') or die $@;
    ok($lmtp->mail('s@x') && $lmtp->to('a@x') && $send->($lmtp), "tainted content by $name");
    is(($sink->messages)[0]->{data}, "text\r\n", '... is there');
}

done_testing;
