# Each command line that the manual of mailwire shows is run as it stands there, by a shell, with servers of ours in place of those that it names. One
# that is not in the table below has to be put there.

use strict;
use warnings;

use lib 't/lib';
use CommandTest;
use Cwd ();
use File::Spec ();
use File::Temp ();
use Mail::Wire::Sink ();
use Test::More;

my $folder = File::Temp->newdir;
my %sink = (lmtp => Mail::Wire::Sink->new, qmtp => Mail::Wire::Sink->new(protocol => 'qmtp'));
my $message = "Subject: Hello\n\nHello.\n";
my $queued = "Return-Path: <ann\@example.org>\nDelivered-To: alias-ppp-ben\@example.org\n$message";
write_file("$folder/message.eml", $message);
write_file("$folder/archive.mbox", "From ann\@example.org Thu Jan  1 00:00:00 2026\n$message\n");
mkdir $_ or die "$_: $!" for "$folder/bin", map {"$folder/$_"} 'pppdir', map {"pppdir/$_"} qw(new cur tmp);

# The command, and who calls it: serialmail's maildirserial gives it names.
my @perl = map {"'$_'"} $^X, map { '-I' . File::Spec->rel2abs($_) } grep { !ref } @INC;
write_file("$folder/bin/mailwire", "#!/bin/sh\nexec @perl '" . Cwd::getcwd() . "/script/mailwire' \"\$\@\"\n");
write_file("$folder/bin/maildirserial", "#!/bin/sh\nfolder=\$4\nshift 5\nprintf '%s\\000' \"\$folder\"/new/* | \"\$\@\"\n");
chmod 0755, map {"$folder/bin/$_"} qw(mailwire maildirserial);

# What it begins with: the recipients that get a message; what it says.
my %expected = (
    'mailwire send lmtp:' => [ 'ben@example.org', qr/\Amessage\.eml: <ben\@example\.org>: success/ ],
    'mailwire import lmtp:' => [ 'ann@example.org', qr/^ +1 success final 250$/m ],
    'mailwire help' => [ '', qr/^usage: mailwire COMMAND/ ],
    'mailwire help send' => [ '', qr/^\s*mailwire send URL/ ],
    'argv=/usr/bin/mailwire deliver' => [ 'ben@example.org', qr/\A\z/ ],
    'mda "mailwire deliver' => [ 'ben@example.org', qr/\A\z/ ],
    'mailwire drain --prefix' => [ 'ben@example.org', qr/: success/ ],
    'maildirserial -b -t' => [ 'ben@example.org', qr/\AK/ ],
);

my %is_shown;
for my $line (map { examples($_) } 'script/mailwire', map {"lib/Mail/Wire/Command/$_.pm"} qw(Check Deliver Drain Import Send)) {
    my ($key) = sort { length $b <=> length $a } grep { index($line, $_) >= 0 } keys %expected;
    ok(defined $key, "'$line' is in the table") or next;
    $is_shown{$key}++;
    my ($to, $says) = @{ $expected{$key} };
    write_file("$folder/pppdir/new/1", $queued);
    $_->clear for values %sink;
    my ($status, $said) = run_by_shell($line);
    is($status, 0, "$key: runs") or diag($said);
    like($said, $says, '... says what it is to say');
    is(join(' ', map { $_->{address} } map { @{ $_->{recipients} } } map { $_->messages } values %sink), $to, '... and sends it');
}
is_deeply([ grep { !$is_shown{$_} } sort keys %expected ], [], 'all of the table is shown');
done_testing;

# Of the verbatim lines those that are no description of a usage.
sub examples {
    my ($path) = @_;
    my ($pod) = read_file($path) =~ /\n__END__\n(.*)/s;
    return grep { /\bmailwire (?:help|[a-z]+ .*:\/\/)/ and !/^ *TLS, AUTH|\bURL\b|"mailwire [a-z]+"/ } $pod =~ /^    (.*)$/mg;
}

sub run_by_shell {
    my ($line) = @_;
    $line =~ s/\A.*argv=|\A *mda "|"\z//g;
    $line =~ s{/usr/bin/(?=mailwire )}{};
    $line =~ s{\b(lmtp|qmtp)://[^\s"]+}{$sink{$1}->url}ge;
    $line =~ s{~/}{./}g;
    my %value = (
        sender => 'ann@example.org', original_recipient => 'b@example.org', recipient => 'ben@example.org', F => 'ann@example.org', T => 'ben@example.org',
    );
    $line =~ s/\$\{(\w+)\}|%([FT])\b/$value{ defined $1 ? $1 : $2 }/g;
    write_file("$folder/line", "PATH=./bin:\$PATH\n$line < message.eml\n");
    my $out = qx(cd '$folder' && sh ./line 2>&1);
    $out =~ s/^LMTP and QMTP.*\n(?:(?:nor|without) .*\n)*//m;
    return ($? >> 8, $out);
}
