# The SYNOPSIS of each manual page runs as it stands, under strict and with warnings fatal. Wherever it connects to, it gets
# a server of ours (t/lib/SynopsisServer.pm); the files that it names are in its current folder.

use strict;
use warnings;

use Cwd ();
use File::Spec;
use File::Temp ();
use Test::More;

my $here  = Cwd::getcwd();
my %pages = map { $_ => page($_) }
    qw(Net::LMTP Net::QMTP Mail::Wire Mail::Wire::Mailbox Mail::Wire::Migration Mail::Wire::Pool Mail::Wire::Result Mail::Wire::Sink);

# What needs more than perl's own modules.
my @transports = map { ("Email::Sender::Transport::$_", "Email::Sender::Transport::${_}::Persistent") } qw(LMTP QMTP);
$pages{$_} = page($_) for eval { require Email::Sender::Transport } ? @transports : ();

for my $module (sort keys %pages) {
    my $code = synopsis($pages{$module});
    ok(length $code, "$module has a SYNOPSIS") or next;
    my ($status, $output) = run_in_folder($code);
    is($status, 0, "the SYNOPSIS of $module runs") or diag($output, numbered($code));
}

my @blocks = readme_blocks();
ok(@blocks >= 2, 'README.md has examples');
for my $i (0 .. $#blocks) {
    my ($status, $output) = run_in_folder($blocks[$i]);
    is($status, 0, 'example ' . ($i + 1) . ' of README.md runs') or diag($output, numbered($blocks[$i]));
}
done_testing;

sub page {
    my ($module) = @_;
    (my $file = "lib/$module") =~ s{::}{/}g;
    return -f "$file.pod" ? "$file.pod" : "$file.pm";
}

# The verbatim paragraphs of the section.
sub synopsis {
    my ($file) = @_;
    open my $fh, '<', $file or die "$file: $!";
    my ($inside, $code) = (0, '');
    while (my $line = <$fh>) {
        $inside = ($1 eq 'SYNOPSIS') if $line =~ /^=head1\s+(.*?)\s*$/;
        $code .= $line if $inside and $line =~ /^(?:\s+\S.*|\s*)$/;
    }
    return $code =~ /\S/ ? $code : '';
}

sub readme_blocks {
    open my $fh, '<', 'README.md' or die "README.md: $!";
    local $/;
    return <$fh> =~ /^```perl\n(.*?)^```$/msg;
}

sub run_in_folder {
    my ($code) = @_;
    my $dir = File::Temp::tempdir(CLEANUP => 1);
    write_file("$dir/message.eml", "Subject: Hello\n\nHello.\n");
    write_file("$dir/archive.mbox", "From ben\@example.org Mon Jan  1 00:00:00 2020\nSubject: Hello\n\nHello.\n\n");
    write_file("$dir/synopsis.pl",
        "use strict; use warnings FATAL => 'all';\nuse SynopsisServer;\n#line 1 \"SYNOPSIS\"\n$code\n1;\n");

    my @include = map { '-I' . File::Spec->rel2abs($_, $here) } @INC, 't/lib';
    chdir $dir or die "$dir: $!";
    my ($status, $output) = capture($^X, @include, 'synopsis.pl');
    chdir $here or die "$here: $!";
    return ($status, $output);
}

# Wait status and all output. The alarm lives on through exec.
sub capture {
    my (@command) = @_;
    defined(my $pid = open my $out, '-|') or die "fork: $!";
    if (!$pid) {
        open STDERR, '>&', \*STDOUT or exit 126;
        alarm 60;
        exec { $command[0] } @command or exit 127;
    }
    my $output = do { local $/; <$out> };
    close $out;
    return ($?, defined $output ? $output : '');
}

sub numbered {
    my ($code) = @_;
    my $number = 0;
    return map { sprintf "%3d %s\n", ++$number, $_ } split /\n/, $code;
}

sub write_file {
    my ($file, $text) = @_;
    open my $fh, '>', $file or die "$file: $!";
    print {$fh} $text;
    close $fh or die "$file: $!";
    return;
}
