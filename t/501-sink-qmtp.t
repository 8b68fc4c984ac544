# The sink's QMTP session, without sockets: each case is run whole, by the octet
# and at random splits, and must give the same answers and messages.

use strict;
use warnings;

use Test::More;

use Digest::SHA ();

use Mail::Wire::Sink::QMTP   ();
use Mail::Wire::Sink::Script ();

sub netstring { my ($octets) = @_; return length($octets) . ":$octets," }

sub package_of {
    my ($message, $sender, @recipients) = @_;
    return join '', map { netstring($_) } $message, $sender, join '', map { netstring($_) } @recipients;
}

my $OK   = '3:Kok,';
my $GOOD = package_of("\nhi\n", 'a@example.org', 'b@example.org');
my $LONG = 'x' x 999;

# in, out; data: of each message; end: how the session ended; also: more checks.
my @cases = (
    { name => 'one recipient', in => $GOOD, out => $OK, data => ["hi\n"], also => sub {
        is($_[0]{from}, 'a@example.org', 'sender');
        is($_[0]{eol}, "\012", 'line end');
        is_deeply([ sort keys %{ $_[0]{recipients}[0] } ], [qw(accepted address reply stage)], 'what is told of a recipient');
    } },
    { name => 'line ends of two octets',
      in => package_of("\rhi\r\n", '', 'b'), out => $OK, data => ["hi\r\n"], also => sub {
        is($_[0]{from}, '', 'empty sender');
        is($_[0]{eol}, "\015", 'line end');
    } },
    { name => 'a message of nothing', in => package_of("\n", 'a', 'b'), out => $OK, data => [''] },
    { name => 'any octets',
      in => package_of("\n\0\r\n.\n\xFFx", "\xFF a,", '3:b,'), out => $OK, data => ["\0\r\n.\n\xFFx"] },
    { name => 'an empty recipient', in => package_of("\n", 'a', ''), out => $OK, data => [''] },
    { name => 'packages back to back', in => $GOOD x 3, out => $OK x 3, data => [ ("hi\n") x 3 ] },
    { name => 'equal recipients',
      option => { rcpt => { b => 'Dno' }, final => { c => 'Zlater', b => 'Knever asked' } },
      in => package_of("\n", 'a', 'c', 'b', 'c', 'd'), out => '6:Zlater,3:Dno,6:Zlater,3:Kok,', data => [''],
      also => sub {
          my @seen = map { [ @$_{qw(address stage accepted reply)} ] } @{ $_[0]{recipients} };
          is_deeply(\@seen, [ [ 'c', 'final', 0, 'Zlater' ], [ 'b', 'rcpt', 0, 'Dno' ], [ 'c', 'final', 0, 'Zlater' ], [ 'd', 'final', 1, 'Kok' ] ],
              'recipients, in order');
      } },
    { name => 'the sender refused', option => { mail => { a => 'Zgrey' } },
      in => package_of("\n", 'a', 'b', 'c'), out => '5:Zgrey,' x 2, data => [''] },
    { name => 'the message in a rule', option => { final => sub { "K$_[0] $_[1]{size}" } },
      in => package_of("\nabc", 'a', 'b'), out => '4:Kb 3,', data => ['abc'] },
    { name => 'longest addresses', in => package_of("\n", $LONG, $LONG), out => $OK, data => [''] },
    { name => 'too long a recipient',
      in => package_of("\n", 'a', "${LONG}x", 'b'), out => netstring('Daddress too long (#5.1.3)') . $OK,
      data => [''] },
    { name => 'too long a sender',
      in => package_of("\n", "${LONG}x", 'a', 'b'), out => netstring('Daddress too long (#5.1.3)') x 2,
      data => [''] },
    { name => 'NUL in a recipient',
      in => package_of("\n", 'a', "b\0"), out => netstring('Daddress has a NUL (#5.1.3)'), data => [''] },
    { name => 'biggest message', option => { size => 3 },
      in => package_of("\nabc", 'a', 'b'), out => $OK, data => ['abc'] },
    { name => 'too big a message', option => { size => 3 },
      in => package_of("\nabcd", 'a', 'b'), out => netstring('Dmessage too big (#5.3.4)'), data => ['abcd'] },
    { name => 'discarded', option => { discard => 1 }, in => $GOOD, out => $OK, data => [undef],
      also => sub { is($_[0]{digest}, Digest::SHA::sha256_hex("hi\n"), 'digest') } },
    { name => 'not whole', in => substr($GOOD, 0, -1), out => '' },

    # -- packages that are none: the link ends, nothing is said
    (map { { name => "bad: $_->[0]", in => $_->[1] . $GOOD, out => '', end => 'fin' } }
        [ 'leading zero', "05:\nabcd,1:a,4:1:b,," ],
        [ 'no digit', 'x' ],
        [ 'no length', ':' ],
        [ 'sign', '+5:' ],
        [ 'space', '5 :' ],
        [ 'too many digits', '1234567890123:' ],
        [ 'empty message', '0:,' ],
        [ 'no comma behind the message', "2:\na;" ],
        [ 'line end', '2:xa,' ],
        [ 'no comma behind the sender', "2:\na,1:a;" ],
        [ 'sender too long', "2:\na,16777217:" ],
        [ 'no recipient', "2:\na,1:a,0:," ],
        [ 'recipient beyond the list', "2:\na,1:a,4:2:b,," ],
        [ 'recipient without a comma', "2:\na,1:a,4:1:b;," ],
        [ 'recipient without a length', "2:\na,1:a,4:abcd," ],
        [ 'octets behind the recipients', "2:\na,1:a,5:1:b,1," ],
        [ 'no comma behind the recipients', "2:\na,1:a,4:1:b,;" ],
    ),

    # -- faults
    { name => 'missing', option => { missing => 1 },
      in => package_of("\n", 'a', 'b', 'c'), out => $OK, data => [''] },
    { name => 'extra', option => { extra => 1 },
      in => $GOOD, out => "${OK}" . netstring('Kone answer too many'), data => ["hi\n"] },
    { name => 'one answer', option => { one_answer => 1, rcpt => { b => 'Dno' } },
      in => package_of("\n", 'a', 'b', 'c', 'd'), out => '3:Dno,', data => [''] },
    { name => 'declared too short', option => { misframe => -1 }, in => $GOOD, out => '2:Kok,', data => ["hi\n"] },
    { name => 'declared too long', option => { misframe => 1000 },
      in => $GOOD, out => '1003:Kok,', data => ["hi\n"] },
    { name => 'oversized', option => { oversize => 20 },
      in => $GOOD, out => '20:Kokxxxxxxxxxxxxxxxxx,', data => ["hi\n"] },
    { name => 'octets as they stand', option => { final => { b => \'0:,' } },
      in => package_of("\n", 'a', 'b', 'c'), out => "0:,$OK", data => [''],
      also => sub { ok(!$_[0]{recipients}[0]{accepted}, 'are no acceptance') } },
    { name => 'close after an answer', option => { close_at => { stage => 'final', after => 1 } },
      in => package_of("\n", 'a', 'b', 'c'), out => $OK, data => [''], end => 'fin' },
    { name => 'close after a message', option => { close_after => 1, reset => 1 },
      in => $GOOD x 2, out => $OK, data => ["hi\n"], end => 'reset' },
    { name => 'early', option => { early => { in => 3, send => '5:Znow!,', close => 1 } },
      in => $GOOD, out => '5:Znow!,', end => 'fin' },
);

# Runs $input in pieces of the lengths that $next gives.
sub run_session {
    my ($case, $input, $next) = @_;
    my (@messages, @commands);
    my $session = Mail::Wire::Sink::QMTP->new(
        script     => Mail::Wire::Sink::Script->new(protocol => 'qmtp', %{ $case->{option} || {} }),
        on_message => sub { push @messages, $_[0] },
        on_command => sub { push @commands, $_[0] },
    );
    $session->start;
    while (length $input) { $session->feed(substr $input, 0, $next->(), '') }
    my $out = $session->out->drain;
    my ($kind, $how) = $session->out->next_item(0);
    return { out => $out, end => $kind eq 'end' ? $how : undef, messages => \@messages, commands => \@commands };
}

srand 51;
my %split = (whole => sub { 1_000_000 }, bytes => sub { 1 }, random => sub { 1 + int rand 9 });

for my $case (@cases) {
    for my $split (sort keys %split) {
        my $got = run_session($case, $case->{in}, $split{$split});
        is($got->{out}, $case->{out}, "$case->{name}, $split: answers");
        is($got->{end}, $case->{end}, "$case->{name}, $split: end");
        is_deeply([ map { $_->{data} } @{ $got->{messages} } ], $case->{data} || [], "$case->{name}, $split: data");
        $case->{also}->($got->{messages}[0]) if $case->{also};
    }
}

is_deeply(run_session({}, package_of("\rhi", 'a', 'b', 'c') . '0:,', $split{random})->{commands},
    [ 'MESSAGE 2 dos', 'SENDER a', 'RECIPIENT b', 'RECIPIENT c', 'BAD empty message' ], 'commands');

for my $in (0 .. length $GOOD) {
    my $got  = run_session({ option => { close_at => { in => $in } } }, $GOOD, $split{random});
    my $want = $in == length $GOOD ? $OK : '';
    is_deeply([ @$got{qw(out end)} ], [ $want, 'fin' ], "closed after $in octets in");
}
for my $out (0 .. length $OK) {
    my $got = run_session({ option => { close_at => { out => $out } } }, $GOOD, $split{whole});
    is_deeply([ @$got{qw(out end)} ], [ substr($OK, 0, $out), 'fin' ], "closed after $out octets out");
}

# A rule of code that fails.
for my $case (
    [ 'dies', sub { die "broken\n" }, qr/ died: broken\z/ ],
    [ 'text', sub {'oops'}, qr/ returned what is no reply: .* not 'oops'\z/ ],
    [ 'an LMTP reply', sub {'250 ok'}, qr/ not '250 ok'\z/ ],
    [ 'wide', sub {"K\x{263a}"}, qr/no reply: it must be octets/ ],
    [ 'list', sub { ['Kok'] }, qr/no reply: .* not a reference\z/ ],
) {
    my ($name, $code, $want) = @$case;
    for my $rule (qw(mail rcpt final)) {
        my @warnings;
        local $SIG{__WARN__} = sub { my ($text) = @_; chomp $text; push @warnings, $text };
        my $who = $rule eq 'mail' ? 'a' : 'b';
        my $got = run_session({ option => { $rule => { $who => $code } } }, package_of("\n", 'a', 'b'), $split{whole});
        is($got->{out}, netstring("Zrule '$rule' failed (#4.3.0)"), "$name, $rule: a Z");
        is($got->{messages}[0]{recipients}[0]{accepted}, 0, "$name, $rule: no success");
        is(scalar @warnings, 1, "$name, $rule: said once");
        like($warnings[0], $want, "$name, $rule: said why");
    }
}

done_testing;
