# The command mailwire: its usage, its help, its output and its exit codes, whatever the sub-command.

use strict;
use warnings;

use lib 't/lib';
use CommandTest;
use Mail::Wire::Command::Report ();
use Mail::Wire::Result ();
use Test::More;

# What is said on standard error, and the exit code.
my @usage = (
    { name => 'nothing', args => [], says => qr/no command; "mailwire help" lists them/ },
    { name => 'an unknown command', args => ['sned'], says => qr/no such command 'sned'/ },
    { name => 'a path for a command', args => ['../Send'], says => qr/no such command/ },
    { name => 'an unknown option', args => [ 'send', '--frmo', 'a' ], says => qr/\Amailwire send: unknown option: frmo; see "mailwire send --help"$/ },
    { name => 'an option without its value', args => [ 'send', '--from' ], says => qr/\Amailwire send: option from requires an argument; see/ },
    { name => 'no URL', args => ['send'], says => qr/no URL: give the server as in lmtp:/ },
    { name => 'a path for a URL', args => [ 'send', '/run/lmtp' ], says => qr{no scheme.*; a UNIX-domain socket is lmtp:///run/lmtp$} },
    { name => 'a host for a URL', args => [ 'send', 'localhost:24' ], says => qr{is lmtp://localhost:24 meant\?$} },
);
for my $case (@usage) {
    my ($code, $out, $err) = mailwire({}, @{ $case->{args} });
    is($code, 64, "$case->{name}: exit code 64");
    is($out, '', "$case->{name}: nothing on standard output");
    like($err, $case->{says}, "$case->{name}: is named");
    is(($err =~ tr/\n//), 1, "$case->{name}: in one line");
}

my ($code, $overview) = mailwire({}, 'help');
is($code, 0, 'help: exit code 0');
my @commands = $overview =~ /^  ([a-z]+)  +\S/mg;
ok(@commands > 0, 'help lists the commands');
is((mailwire({}, '--help'))[1], $overview, '--help is help');
like((mailwire({}, '--version'))[1], qr/\Amailwire [0-9.]+\n\z/, '--version');

for my $command (@commands, 'link') {
    my ($status, $help, $err) = mailwire({}, 'help', $command);
    is($status, 0, "help $command: exit code 0") or diag($err);
    cmp_ok(($help =~ tr/\n//), '<=', 24, "help $command: fits a screen");
    is_deeply([ grep { length > 80 } split /\n/, $help ], [], "help $command: also in width");
    next if $command eq 'link';
    like($help, qr/\A\s*mailwire \Q$command\E /, "help $command: begins with how it is called");
    is((mailwire({}, $command, '--help'))[1], $help, "$command --help is the same");
}

is((mailwire({ stdout => '/dev/full' }, 'help'))[0], 74, 'a full disk is seen') if -c '/dev/full';

# ---------------------------------------------------------------- exit codes

# Code, stage and text of a reply.
my @codes = (
    [ 250, 'final', '2.0.0 Saved',           0 ],
    [ 452, 'final', '4.2.2 Full',            75 ],
    [ 421, 'final', '[Net::LMTP] Timeout',   75 ],
    [ 421, 'connect', 'Connection refused',  69 ],
    [ 550, 'rcpt',  '5.1.1 No such user',    67 ],
    [ 550, 'rcpt',  'No such user',          67 ],
    [ 550, 'final', 'No such user',          65 ],
    [ 552, 'rcpt',  'Full',                  65 ],
    [ 550, 'final', '5.1.2 Bad host',        68 ],
    [ 552, 'final', '5.2.2 Full',            73 ],
    [ 550, 'mail',  '5.7.1 Policy',          77 ],
    [ 554, 'final', '5.6.0 Spam',            65 ],
);
for my $row (@codes) {
    my ($reply, $stage, $text, $expected) = @$row;
    my $result = Mail::Wire::Result->_new('ann@example.org', 0, $reply, $text, $stage);
    is(Mail::Wire::Command::Report::code_of($result), $expected, "$stage: $reply $text");
}
is(Mail::Wire::Command::Report::worst(0, 75, 67, 65, 0), 65, 'what is refused for good is worse than what may be tried again');
is(Mail::Wire::Command::Report::worst(75, 0), 75, 'that is worse than nothing');

done_testing;
