# The ends of objects that come in odd ways: at exit, in a child's exit, in a thread, brought back in DESTROY.

use strict;
use warnings;

use Config;
use POSIX ();
use Test::More;

use lib 't/lib';
use DeliveryTest;

use Mail::Wire::Sink;
use Net::LMTP;
use Net::QMTP;

my %sink = map { $_ => Mail::Wire::Sink->new(protocol => $_) } qw(lmtp qmtp);
my %port = map { $_ => $sink{$_}->port } keys %sink;
my @order = (From => 's@x', To => ['a@x'], Data => "x\n");

sub lmtp { Net::LMTP->new('127.0.0.1', $port{lmtp}, Hello => 'me', @_) || die $@ }

sub qmtp { Net::QMTP->new('127.0.0.1', Port => $port{qmtp}, @_) || die $@ }

# ---- programs that end with live objects: what they say, and how they end

my %program = (
    'an idle object'              => 'our $l = lmtp(); our $q = qmtp();',
    'one inside a message'        => 'our $l = lmtp(); $l->mail("a"); $l->to("b"); $l->data; $l->datasend("x\n");',
    'deliveries that were not collected' => 'our ($l, $q) = (lmtp(), qmtp()); $_->submit(@order) for ($l, $q) x 3;',
    'deliveries that were not sent' => 'our ($l, $q) = (lmtp(), qmtp()); $_->submit(@order, Data => "x" x 5e6) for $l, $q;',
    'a datafh'                    => 'our $l = lmtp(); $l->mail("a"); $l->to("b"); our $fh = $l->datafh; print {$fh} "x\n";',
    'objects in a circle'         => 'my $l = lmtp(); ${*$l}{self} = $l; my $q = qmtp(); $q->{self} = $q; $l->submit(@order); $q->submit(@order);',
    'a closure that owns them'    => 'my ($l, $q) = (lmtp(), qmtp()); our $c = sub { ($l, $q) }; $l->submit(@order, Data => sub { $c->(); undef });',
    'objects that do not wait'    => 'our @o = (lmtp(Blocking => 0), qmtp(Blocking => 0)); $_->submit(@order) for @o;',
    'one used in END'             => 'our $l = lmtp(); END { $l->deliver(@order) if $l; $? = $l->code =~ /^2/ ? 0 : 1 }',
    'one used in a DESTROY at the end' => '{ package Late; sub DESTROY { $_[0]{l} and eval { $_[0]{l}->_NOOP } } } our $o = bless { l => lmtp() }, "Late";',
    'a sub that exits inside Data' => 'my $l = lmtp(); $l->deliver(@order, Data => sub { exit 0 });',
    'a handler that exits'        => 'my $l = lmtp(); $SIG{ALRM} = sub { exit 0 }; alarm 1; my $s = $l->command("NOOP"); $l->response; $l->response;',
);
my $prelude = sprintf 'BEGIN { open STDERR, q(>&), *STDOUT } use strict; use warnings; use Net::LMTP; use Net::QMTP; my @order = (From => "e\@x", To => ["a\@x"], Data => "x\n");'
    . 'sub lmtp { Net::LMTP->new("127.0.0.1", %d, Hello => "me", @_) || die $@ } sub qmtp { Net::QMTP->new("127.0.0.1", Port => %d, @_) || die $@ }',
    @port{qw(lmtp qmtp)};
my @inc = map {"-I$_"} @INC;
for my $name (sort keys %program) {
    for my $level (0, 2) {
        local $ENV{PERL_DESTRUCT_LEVEL} = $level;
        my $pid = open my $out, '-|', $^X, @inc, '-e', "$prelude $program{$name}";
        my $said = do { local $/; <$out> };
        close $out;
        my $told = $program{$name} =~ /submit/ ? $said =~ s/^Net::[LQ]MTP: \d+ submitted messages? w(?:as|ere) unanswered .*\n//gm : 0;
        is("$said$?", '0', "a program ends with $name" . ($level ? ', and perl frees everything' : ''));
        is($told, 2, '... each object tells') if $name eq q(deliveries that were not sent);
    }
}

# ---- an object that goes with submitted messages unanswered says how many; finish and quit wait for them

for my $class ('Net::LMTP', 'Net::QMTP') {
    my $new = $class eq 'Net::LMTP' ? \&lmtp : \&qmtp;
    for my $how ('gone', 'finish', 'quit', 'collect', 'close', 'deliver') {
        my @warnings;
        local $SIG{__WARN__} = sub { push @warnings, @_ };
        my $client = $new->();
        my $large = 'x' x 3e6;
        $client->submit(@order, Data => $large) for 1 .. 3;
        $client->submit(@order, Data => $large);
        my $left = $client->_unanswered;
        if    ($how eq 'finish')  { ok($client->finish, "$class: finish") }
        elsif ($how eq 'quit')    { ok($client->quit, "$class: quit") }
        elsif ($how eq 'collect') { 1 while $client->collect }
        elsif ($how eq 'close')   { $class eq 'Net::LMTP' ? $client->close : $client->disconnect }
        elsif ($how eq 'deliver') { $client->deliver(@order); $left = $client->_unanswered }
        if ($how eq 'finish' or $how eq 'quit') {
            is($client->in_flight, 4, '... the results are there');
            is(scalar(grep { $_->is_success } map { $client->collect } 1 .. 4), 4, '... and are those of the server');
            is($client->collect, undef, '... all of them');
        }
        local ($@, $!) = ('kept', 1);
        undef $client;
        is("$@ " . ($! + 0), 'kept 1', "$class, $how: the caller's errors stay") if $how eq 'gone';
        is(join('', @warnings), $how eq 'gone' && $left ? "$class: $left submitted message" . ($left == 1 ? ' was' : 's were')
            . " unanswered when the object went: call collect, finish or quit before\n" : '', "$class, $how: what is said");
    }
    my $client = $new->(Blocking => 0);
    $client->submit(@order, Data => 'x' x 3e6);
    ok(!eval { $client->finish; 1 }, "$class: finish with Blocking => 0");
    like($@, qr/finish would have to wait/, '... croaks');
    1 while $client->advance;
    ok($client->finish, '... but not when nothing is to be waited for');
}

# ---- forks

for my $end ('exit', '_exit') {
    my ($lmtp, $qmtp) = (lmtp(), qmtp());
    $lmtp->submit(@order, From => "before.$end\@x");
    $qmtp->submit(@order, From => "before.$end\@x");
    ok(in_child($end, sub {
        my @results = (lmtp()->deliver(@order), qmtp()->deliver(@order));
        return @results == grep { $_->is_success } @results;
    }), "a child with objects of its own that ends by $end");
    for my $client ($lmtp, $qmtp) {
        my $class = ref $client;
        ok($client->collect->is_success, "$class: what was in flight arrives");
        ok(($client->deliver(@order))[0]->is_success, "... and so does the next one");
    }
}

# A child goes on with a session and the parent lets it go.
for my $make (\&lmtp, \&qmtp) {
    my $client = $make->();
    ok(in_child(_exit => sub { ($client->deliver(@order))[0]->is_success }), ref($client) . ': a child delivers over the session');
    ok(eval { undef $client; 1 }, '... the parent lets it go');
}

# ---- back from DESTROY

{
    package Back;
    our @ISA = ('Net::LMTP');
    our ($Saved, $times);
    sub DESTROY { my ($self) = @_; $Saved = $self if !$times++; return }

    package Again;
    our @ISA = ('Net::QMTP');
    our ($Saved, $times);
    sub DESTROY { my ($self) = @_; $Saved = $self if !$times++; return }
}
{
    my $lmtp = Back->new('127.0.0.1', $sink{lmtp}->port, Hello => 'me') or die $@;
    $lmtp->submit(@order);
    undef $lmtp;
    ok($Back::Saved, 'an LMTP object is saved by its DESTROY');
    ok($Back::Saved->collect->is_success, '... goes on where it was');
    ok($Back::Saved->mail('s@x') && $Back::Saved->to('a@x') && $Back::Saved->data("x\n"), '... and on');
    ok(eval { undef $Back::Saved; 1 }, '... and goes');
    my $qmtp = Again->new('127.0.0.1', Port => $sink{qmtp}->port) or die $@;
    $qmtp->submit(@order);
    undef $qmtp;
    ok($Again::Saved, 'so is a QMTP object');
    ok($Again::Saved->collect->is_success, '... goes on where it was');
    ok(eval { undef $Again::Saved; 1 }, '... and goes');
}

# ---- threads

SKIP: {
    skip 'this perl has no threads', 6 if !$Config{useithreads};
    require threads;
    my ($lmtp, $qmtp) = (lmtp(), qmtp());
    $_->submit(@order) for $lmtp, $qmtp;
    my $fh = do { my $other = lmtp(); $other->mail('s@x'); $other->to('a@x'); $other->datafh };
    print {$fh} "half ";
    my @threads = map {
        threads->create(sub {
            my @refused = grep { my $client = $_; !eval { $client->deliver(@order); 1 } } $lmtp, $qmtp;
            my @own = (lmtp()->deliver(@order), qmtp()->deliver(@order));
            return @refused == 2 && @own == grep({ $_->is_success } @own) ? 1 : 0;
        })
    } 1 .. 3;
    is($_->join, 1, 'a thread: copies are refused, objects of its own deliver') for @threads;
    ok($lmtp->collect->is_success, 'LMTP: what was in flight when they started arrives');
    ok($qmtp->collect->is_success, 'QMTP: the same');
    print {$fh} "message\n";
    ok(close $fh, 'a datafh goes on');
}

done_testing;
