package MailboxTest;

# Mailboxes of all kinds for tests: written to a folder of their own, read whole or in small pieces.

use strict;
use warnings;

use Exporter qw(import);
use File::Path ();
use File::Temp ();
use Mail::Wire::Mailbox;

our @EXPORT = qw(write_file packed messages_of trickle texts);

my $folder = File::Temp->newdir;
my $count = 0;

# The path of a new file in a new folder; the name may have folders in it.
sub write_file {
    my ($name, $octets, $in) = @_;
    my $path = (defined $in ? $in : "$folder/" . $count++) . "/$name";
    File::Path::mkpath($path =~ m{\A(.*)/});
    open my $fh, '>:raw', $path or die "$path: $!";
    print {$fh} $octets or die $!;
    close $fh or die $!;
    return $path;
}

# Octets, packed by a core module: Gzip, Bzip2, Zip (with the name), or by a program.
sub packed {
    my ($how, $octets, $name) = @_;
    if ($how =~ /\A[A-Z]/) {
        (my $file = "IO/Compress/$how.pm");
        require $file;
        my $pack = do { no strict 'refs'; \&{"IO::Compress::${how}::\L$how"} };
        $pack->(\$octets => \my $packed, $how eq 'Zip' ? (Name => $name) : ()) or die "$how failed";
        return $packed;
    }
    my $path = write_file('plain', $octets);
    open my $out, '-|', $how, '-qc', $path or return;
    binmode $out;
    local $/;
    my $packed = <$out>;
    return close $out ? $packed : undef;
}

# A reference to the list of messages, and what `next` died of, if it did.
sub messages_of {
    my ($place, @options) = @_;
    my @messages;
    my $ok = eval {
        my $mailbox = Mail::Wire::Mailbox->new($place, @options);
        while (my $message = $mailbox->next) { push @messages, $message }
        1;
    };
    return (\@messages, $ok ? '' : $@);
}

# Sender, date and text of each.
sub texts {
    my ($place, @options) = @_;
    my ($messages, $died) = messages_of($place, @options);
    return [ (map { [ $_->sender, $_->date, $_->as_string ] } @$messages), $died ? $died : () ];
}

# A handle that gives octets so many at a time: 0 for a random number. What `says` of its object has is returned at their end.
sub trickle {
    my ($octets, $size) = @_;
    my $fh = do { local *FH; \*FH };
    tie *$fh, 'MailboxTest::Trickle', $octets, $size;
    return $fh;
}

package MailboxTest::Trickle;

sub TIEHANDLE { my ($class, $octets, $size) = @_; return bless { octets => $octets, size => $size, at => 0 }, $class }

sub READ {
    my ($self, undef, $most) = @_;
    my $count = $self->{size} || 1 + int rand 9;
    $_[1] = substr $self->{octets}, $self->{at}, $count < $most ? $count : $most;
    return $self->{says}[0] if $self->{says} and not length $_[1];
    $self->{at} += length $_[1];
    return length $_[1];
}

sub FILENO { return }

1;
