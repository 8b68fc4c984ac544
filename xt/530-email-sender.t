# What Email::Sender asks of a transport: the cases that its own tests have for SMTP, here with real servers in place of a mocked
# Net::SMTP; its rigs, which are files of JSON; and the programs of Mail::Wire::Cookbook, with the modules that they are about.

use strict;
use warnings;

use lib 't/lib', 'xt/lib';
use Cwd ();
use File::Temp ();
use JSON::PP ();
use LMTPTest ();
use Mail::Wire::Sink;
use RealServer;
use ScriptedServer;
use SenderTest;
use Test::More;

RealServer->need(qw(Email::Sender::Transport::SMTP Email::Stuffer MIME::Lite Mail::Message Mail::Transport::Send));

my %CLASSES = map { my $protocol = $_; (lc $_ => [ map {"Email::Sender::Transport::$protocol$_"} '', '::Persistent' ]) } qw(LMTP QMTP);
eval "require $_" or die $@ for map {@$_} values %CLASSES;

# The addresses that are refused: by MAIL or RCPT, by QMTP when it has the message.
my %REFUSED = (
    'tempfail@example.com' => [ 401, 'Later' ],
    'permfail@example.com' => [ 552, 'Never' ],
    'tempfail@example.net' => [ 447, 'Not now' ],
    'permfail@example.net' => [ 519, 'Not ever' ],
);
my %lmtp = map { $_ => join ' ', @{ $REFUSED{$_} } } keys %REFUSED;
my %qmtp = map { $_ => ($REFUSED{$_}[0] < 500 ? 'Z' : 'D') . $REFUSED{$_}[1] } keys %REFUSED;
my %SINK = (
    lmtp => Mail::Wire::Sink->new(mail => \%lmtp, rcpt => \%lmtp),
    qmtp => Mail::Wire::Sink->new(protocol => 'qmtp', mail => \%qmtp, final => \%qmtp),
);

# What is to be so of the failure, or the success.
sub is_temporary { return isa_ok($_[0], 'Email::Sender::Failure::Temporary') }
sub is_permanent { return isa_ok($_[0], 'Email::Sender::Failure::Permanent') }
sub recipients_are { my ($failure, @to) = @_; return is_deeply([ sort $failure->recipients ], \@to, 'who was refused') }

# Name, options, sender, recipients, the class of what comes of it, and what else is to be so.
my @table = (
    [ 'simple okay', {}, 'okay@example.net', 'okay@example.com', 'Email::Sender::Success' ],
    [ 'no valid rcpts', {}, 'okay@example.net', [ '', undef ], 'Email::Sender::Failure',
        sub { like($_[0], qr/no valid address/, 'which it says') } ],
    [ 'tempfail RCPT', {}, 'okay@example.net', 'tempfail@example.com', 'Email::Sender::Failure::Temporary',
        sub { is($_[0]->code, $_[1] eq 'lmtp' ? 401 : 450, 'its code') } ],
    [ 'mixed RCPT results', {}, 'okay@example.net', [ map {"$_\@example.com"} qw(tempfail permfail okay) ], 'Email::Sender::Failure::Multi', sub {
        my ($failure, $protocol) = @_;
        ok(!$failure->isa("Email::Sender::Failure::$_"), "is not $_ as a whole") for qw(Permanent Temporary);
        is($failure->code, undef, 'has no one code');
        recipients_are($failure, 'permfail@example.com', 'tempfail@example.com');
        my ($first, $second) = $failure->failures;
        is_temporary($first);
        is_permanent($second);
        is_deeply([ $failure->delivered ], $protocol eq 'lmtp' ? [] : ['okay@example.com'], 'who has it');
    } ],
    [ 'multi tempfail RCPT', {}, 'okay@example.net', [ 'tempfail@example.com', 'tempfail@example.net' ], 'Email::Sender::Failure::Multi',
        sub { is_temporary($_[0]); recipients_are($_[0], 'tempfail@example.com', 'tempfail@example.net') } ],
    [ 'partial succ', { allow_partial_success => 1 }, 'okay@example.net', [ map {"$_\@example.com"} qw(tempfail permfail okay) ],
        'Email::Sender::Success::Partial', sub { recipients_are($_[0]->failure, 'permfail@example.com', 'tempfail@example.com') } ],
    [ 'tempfail MAIL', {}, 'tempfail@example.com', 'okay@example.com', 'Email::Sender::Failure::Temporary' ],
    [ 'permfail MAIL', {}, 'permfail@example.com', 'okay@example.com', 'Email::Sender::Failure::Permanent' ],
);

sub try_case {
    my ($class, $protocol, $options, $case) = @_;
    my ($name, $own, $from, $to, $becomes, $check) = @$case;
    return subtest "$class: $name" => sub {
        my $outcome = sent($class->new({ %$options, %$own }), $to, from => $from);
        isa_ok($outcome, $becomes);
        $check->($outcome, $protocol) if $check;
    };
}

for my $protocol (sort keys %CLASSES) {
    my %place = (host => $SINK{$protocol}->host, port => $SINK{$protocol}->port);
    for my $class (@{ $CLASSES{$protocol} }) {
        try_case($class, $protocol, \%place, $_) for @table;
        try_case($class, $protocol, { host => '/nonexistent' },
            [ 'conn. fail', {}, 'okay@example.net', 'okay@example.com', 'Email::Sender::Failure',
                sub { like($_[0], qr/unable to establish/, 'which it says') } ]);
    }
}

# What goes wrong with the content, and AUTH, are LMTP's.
my @whom    = ('okay@example.net', 'okay@example.com');
my @content = (
    [ 'fail @ data start', { data => '451 no' }, qr/DATA start/ ],
    [ 'fail during data', { close_at => { in => 10_000 } }, qr/(?:during|after) DATA/ ],
    [ 'fail @ data end', { final => '554 no' }, qr/after DATA/ ],
);
my @in   = (reply => '235 in', expect => qr/^LHLO/, reply => '250 server.example');
my @to   = (expect => qr/^MAIL/, reply => '250 ok', expect => qr/^RCPT/, reply => '250 ok', expect => 'DATA',
    reply => '354 go', data => 1, reply => '250 ok');
my @bye  = (expect => 'QUIT', reply => '221 bye');
my @auth = (
    [ 'auth okay', [ 'username', 'password' ], [ expect => 'AUTH PLAIN AHVzZXJuYW1lAHBhc3N3b3Jk', @in, @to ], 'Success' ],
    [ 'auth badpw', [ 'username', 'failword' ], [ expect => 'AUTH PLAIN AHVzZXJuYW1lAGZhaWx3b3Jk', reply => '535 no' ], 'Failure' ],
    [ 'auth unknown user', [ 'unknown', 'password' ], [ expect => 'AUTH PLAIN AHVua25vd24AcGFzc3dvcmQ=', reply => '535 no' ], 'Failure' ],
    [ 'auth nopw', ['username'], [], 'Failure' ],
);
for my $class (@{ $CLASSES{lmtp} }) {
    for my $row (@content) {
        my ($name, $rules, $words) = @$row;
        my $sink = Mail::Wire::Sink->new(%$rules);
        my $failure = sent($class->new({ host => $sink->host, port => $sink->port }), $whom[1], from => $whom[0],
            text => "Subject: x\n\n" . "line\n" x 10_000);
        isa_ok($failure, 'Email::Sender::Failure', "$class: $name");
        like($failure, $words, '... at that phase');
    }
    for my $row (@auth) {
        my ($name, $login, $dialogue, $becomes) = @$row;
        my @last = $name eq 'auth nopw' || $class =~ /Persistent/ && $becomes eq 'Success' ? () : @bye;
        my $server = ScriptedServer->new(script => [ LMTPTest::hello_script('AUTH PLAIN'), @$dialogue, @last ]);
        my %login;
        @login{qw(sasl_username sasl_password)} = @$login;
        try_case($class, 'lmtp', { host => $server->host, port => $server->port }, [ $name, \%login, @whom, "Email::Sender::$becomes" ]);
        is_deeply([ $server->problems ], [], '... the dialogue');
    }
}

# ---- a rig: class, its arguments, and messages with the class of what comes of each

for my $protocol (sort keys %CLASSES) {
    my @messages = map { { from => 'okay@example.net', to => $_->[0], result_class => "Email::Sender::$_->[1]" } }
        [ 'okay@example.com', 'Success' ], [ 'tempfail@example.com', 'Failure::Temporary' ], [ 'permfail@example.com', 'Failure::Permanent' ];
    my $file = File::Temp->new;
    my %arguments = (smtp_host => $SINK{$protocol}->host, smtp_port => $SINK{$protocol}->port, smtp_ssl => 0);
    print {$file} JSON::PP->new->encode([ 'Test::Email::SMTPRig', \%arguments, \@messages ]);
    close $file;
    run_rig("$file", $protocol);
}

sub run_rig {
    my ($file, $protocol) = @_;
    my ($class, $arguments, $messages) = @{ JSON::PP->new->decode(RealServer::slurp($file)) };
    my $transport = $CLASSES{$protocol}[0]->new({
        host => $arguments->{smtp_host}, port => $arguments->{smtp_port}, ssl => $arguments->{smtp_ssl}, helo => 'rig.example',
    });
    isa_ok(sent($transport, $_->{to}, from => $_->{from}), $_->{result_class}, "$protocol rig, $_->{to}") for @$messages;
    return;
}

# ---- the cookbook

my %recipe = recipes('lib/Mail/Wire/Cookbook.pod');
is_deeply([ sort keys %recipe ], [ 'Email::Sender: who has it, and who has not', 'Email::Stuffer', 'MIME::Lite', 'Mail::Box: a Mail::Transport' ],
    'recipes');
for my $name (sort keys %recipe) {
    my $file = File::Temp->new;
    print {$file} "use strict; use warnings; use SynopsisServer;\n#line 1 \"$name\"\n$recipe{$name}\n",
        'print STDERR map { join("\n", map({ $_->{address} } @{ $_->{recipients} }), $_->{data}) } SynopsisServer::messages();';
    close $file;
    my $output = qx($^X -Mblib -It/lib $file 2>&1);
    is($?, 0, "$name: runs") or diag($output);
    like($output, qr/^ben\@example\.org\n.*^\r?\nHello\.\r?\n/ms, '... the message has come');
    like($output, qr/^<ben\@example\.org>: success /m, '... and its results are shown') if $name =~ /MIME::Lite|Mail::Box/;
}

# The programs, by their titles.
sub recipes {
    my ($file) = @_;
    my ($title, %code) = ('');
    for my $line (split /^/, RealServer::slurp($file)) {
        $title = $1 if $line =~ /\A=head[12] (.*)/;
        $code{$title} .= $line if $line =~ /\A(?: |\s*\z)/ and $title ne '';
    }
    delete @code{ grep { $code{$_} !~ /\S/ } keys %code };
    return %code;
}

done_testing;
